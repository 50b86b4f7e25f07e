"""What somebody does to a row who may do everything in the database, and the words that name it afterwards."""

from accounts.ledger.models import BalanceStep, WalletEntry
from accounts.models import Balance, LedgerPosting
from accounts.wallet.models import Deposit, Withdrawal
from marketdata.models import FeeSchedule, Trade
from matching.client.event_log import GENESIS_CHAIN
from trading.models import Checkpoint, Fill, Order

CHAIN = "Solana"


def damage_balance():
    row = Balance.objects.get(account_id=1002, asset__symbol="USDC")
    Balance.objects.filter(account_id=1002, asset=row.asset).update(available_units=row.available_units + 7)
    return f"account 1002 USDC available: engine has {row.available_units}, database has {row.available_units + 7}"


def damage_posting():
    row = LedgerPosting.objects.filter(account_id=1001, kind="deposit").get()
    LedgerPosting.objects.filter(pk=row.pk).update(units=row.units + 1)
    return f"postings of event {row.seq}"


def damage_trade():
    row = Trade.objects.select_related("market").first()
    Trade.objects.filter(pk=row.pk).update(price_ticks=row.price_ticks + 1)
    return f"trade {row.seq} {row.market.symbol}: the trade has"


def damage_fill():
    row = Fill.objects.select_related("market").first()
    Fill.objects.filter(pk=row.pk).update(quote_units=row.quote_units + 1)
    return f"fill {row.pk} {row.market.symbol}: it has an amount of {row.quote_units + 1}"


def damage_deposit():
    row = Deposit.objects.get()
    Deposit.objects.filter(pk=row.pk).update(units=row.units * 2)
    return f"deposit {row.pk} SOL (credited): the row has 2000 for account 1001, the engine's posting 1000"


def damage_withdrawal():
    row = Withdrawal.objects.get()
    Withdrawal.objects.filter(pk=row.pk).update(units=row.units + 5)
    return f"withdrawal {row.pk} of account 1001 SOL (reserved): the row has 305"


def damage_wallet_entry():
    row = WalletEntry.objects.get(kind="reserved")
    WalletEntry.objects.filter(pk=row.pk).update(units=row.units - 1)
    return f"withdrawal {row.withdrawal_id} of account 1001 SOL (reserved): its entries have 299 pending"


def damage_treasury():
    row = WalletEntry.objects.filter(kind="treasury", asset__symbol="SOL").get()
    WalletEntry.objects.filter(pk=row.pk).update(units=row.units + 9)
    return f"SOL hot wallet on {CHAIN}: the chain has"


def damage_last_step():
    row = BalanceStep.objects.filter(account_id=1002, asset__symbol="USDC").order_by("-seq").first()
    rows = BalanceStep.objects.filter(account_id=1002, asset_id=row.asset_id, seq=row.seq)
    rows.update(locked_units=row.locked_units + 3)
    return f"account 1002 USDC: the last step has {row.available_units} available and {row.locked_units + 3} locked"


def damage_older_step():
    """Both amounts, so that only the ledger can tell."""
    row = BalanceStep.objects.filter(account_id=1002, asset__symbol="USDC").order_by("seq").first()
    rows = BalanceStep.objects.filter(account_id=1002, asset_id=row.asset_id, seq=row.seq)
    rows.update(available_units=row.available_units + 4)
    held = row.available_units + row.locked_units
    return f"account 1002 USDC step at event {row.seq}: it has {held + 4}, the ledger until then {held}"


def damage_open_order():
    row = Order.objects.filter(status="New", price_ticks__isnull=False).first()
    Order.objects.filter(pk=row.pk).update(quantity_lots=row.quantity_lots + 2)
    return f"order {row.pk} quantity_lots: engine has {row.quantity_lots}, database has {row.quantity_lots + 2}"


def damage_filled_order():
    row = Order.objects.filter(status="Filled").first()
    Order.objects.filter(pk=row.pk).update(executed_lots=row.executed_lots + 1)
    return f"order {row.pk}: the order has executed {row.executed_lots + 1} lots"


def damage_fee_schedule():
    row = FeeSchedule.objects.select_related("market").order_by("-seq").first()
    FeeSchedule.objects.filter(pk=row.pk).update(taker_fee_ppm=row.taker_fee_ppm + 1)
    return f"market {row.market.symbol} fees by tier: engine has"


def damage_position():
    Checkpoint.objects.update(chain=GENESIS_CHAIN)
    return "chain: engine has"


def remove_fill():
    row = Fill.objects.select_related("market").order_by("-pk").first()
    Fill.objects.filter(pk=row.pk)._raw_delete("default")
    return f"trade {row.pk // 2} {row.market.symbol}: it has 1 of its 2 fills"


def remove_posting():
    row = LedgerPosting.objects.filter(account_id=1001, kind="deposit").get()
    LedgerPosting.objects.filter(pk=row.pk)._raw_delete("default")
    return "account 1001 SOL: the ledger has"


def remove_trade():
    row = Trade.objects.select_related("market").order_by("-seq").first()
    Trade.objects.filter(pk=row.pk)._raw_delete("default")
    return f"trade {row.seq} {row.market.symbol}"


def remove_balance():
    Balance.objects.filter(account_id=1002, asset__symbol="USDC")._raw_delete("default")
    return "account 1002 USDC available: engine has"


def remove_wallet_entry():
    row = WalletEntry.objects.get(kind="credited")
    WalletEntry.objects.filter(pk=row.pk)._raw_delete("default")
    return "SOL owed: the engine has"


def remove_withdrawal():
    row = Withdrawal.objects.get()
    WalletEntry.objects.filter(withdrawal=row)._raw_delete("default")
    Withdrawal.objects.filter(pk=row.pk)._raw_delete("default")
    return f"withdrawal {row.pk}: there is no such row, but command reserve:{row.engine_id} is of it"


DAMAGES = (
    damage_balance,
    damage_posting,
    damage_trade,
    damage_fill,
    damage_deposit,
    damage_withdrawal,
    damage_wallet_entry,
    damage_treasury,
    damage_last_step,
    damage_older_step,
    damage_open_order,
    damage_filled_order,
    damage_fee_schedule,
    damage_position,
    remove_fill,
    remove_posting,
    remove_trade,
    remove_balance,
    remove_wallet_entry,
    remove_withdrawal,
)
