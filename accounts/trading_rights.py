"""Staff decisions about an account's trading: its fee tier, blocks, and taking all its orders back.

Blocking takes one person, allowing again two (`marketdata.wishes`).
"""

from typing import Any

from accounts.models import Account
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import wishes
from marketdata.engine_calls import accepted, ask_all
from marketdata.models import Market, StaffWish
from marketdata.rules import MAX_TIER
from marketdata.staff_acts import By, decide, new_key, note
from matching.messages import CancelAllOrders, MarketState, OrdersReply, SetAccountBlock, SetAccountTier

CHANGE_ACCOUNT = "accounts.change_account"
UNBLOCK = "account.unblock"
EVERYWHERE = "everywhere"


def set_tier(account: Account, tier: int, by: By, *, key: str | None = None) -> int:
    """Put an account into a fee tier, for orders from then on; the outcome number of the change. Raises ApiError.

    `key` makes a repetition within minutes harmless; without one each call is an act of its own.
    """
    by = by.checked()
    _trader(account)
    if not 0 <= tier <= MAX_TIER:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"A tier is 0 to {MAX_TIER}")
    command = SetAccountTier(account_id=account.pk, tier=tier, idempotency_key=key or new_key(), **by.names())
    return decide(command, by, "account.tier", f"account {account.pk}: tier {tier}")


def block(account: Account, market: Market | None, by: By) -> int:
    """No new orders and amends from now on, in one market or (None) in all; open orders stay. Raises ApiError."""
    by = by.checked()
    _trader(account)
    wishes.stopped(_subject(account.pk, market))
    return _set_block(account.pk, market, True, by, new_key())


def ask_to_unblock(account: Account, market: Market | None, by: By) -> StaffWish:
    """Ask to take back a block of one market, or (None) the one of all markets. Raises ApiError."""
    _trader(account)
    where = market.symbol if market else EVERYWHERE
    payload = {"account_id": account.pk, "market": market.symbol if market else None}
    summary = f"Let account {account.pk} ({account}) trade again: block {where}"
    return wishes.ask(UNBLOCK, _subject(account.pk, market), summary[:256], payload, by)


def cancel_all(account: Account, market: Market | None, by: By) -> int:
    """Take back the account's open orders, in one market or (None) in all; how many there were. Raises ApiError.

    A closed market keeps its orders: nothing can be cancelled there.
    """
    by = by.checked()
    _trader(account)
    if market is not None and market.state == MarketState.CLOSED:
        raise ApiError(errors.PRECONDITION_FAILED, f"{market.symbol} is closed: orders cannot be cancelled there")
    symbol, key = market.symbol if market else None, new_key()
    subject = f"account {account.pk}: {symbol or EVERYWHERE}"
    note(by, "account.cancel_all", subject, key)
    try:
        reply = accepted(ask_all([CancelAllOrders(account_id=account.pk, market=symbol, idempotency_key=key)])[0]).reply
    except ApiError as error:
        message = f"{error.kind.code}: {error.message or error.kind.message}"
        note(by, "account.cancel_all.failed", subject, key, message)
        raise
    assert isinstance(reply, OrdersReply)
    return len(reply.orders)


def _set_block(account_id: int, market: Market | None, blocked: bool, by: By, key: str) -> int:
    symbol = market.symbol if market else None
    command = SetAccountBlock(account_id=account_id, market=symbol, blocked=blocked, idempotency_key=key, **by.names())
    action = "account.block" if blocked else UNBLOCK
    return decide(command, by, action, f"account {account_id}: {symbol or EVERYWHERE}")


def _unblock(payload: dict[str, Any], by: By, key: str) -> int:
    market = Market.objects.get(symbol=payload["market"]) if payload["market"] else None
    return _set_block(payload["account_id"], market, False, by, key)


def _subject(account_id: int, market: Market | None) -> str:
    return f"account {account_id} {market.symbol if market else EVERYWHERE}"


def _trader(account: Account) -> None:
    if account.kind != Account.Kind.USER:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"{account} is an account of the venue; it does not trade")


wishes.act(UNBLOCK, "Let an account trade again", CHANGE_ACCOUNT, UNBLOCK, _unblock)
