"""Rows as the db writer would leave them, told as what people do. Amounts are texts in whole coins."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from accounts.models import FEES_ACCOUNT_ID, HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID, Account, Balance, LedgerPosting, User
from accounts.wallet.models import AssetNetwork, Deposit, Withdrawal
from exchange_site.kernel.money import to_units
from marketdata.models import Asset, Kline, Market
from trading.models import Checkpoint, Fill, Order
from trading.writer.store import CHECKPOINT

PASSWORD = "a long enough password"
START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Story:
    """Every step is an event of its own, an hour after the one before; balances follow, the venue's included."""

    at: datetime = START
    seq: int = 100
    people: dict[str, Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for account_id, kind in ((1, "house"), (2, "fees"), (3, "outside")):
            Account.objects.get_or_create(id=account_id, defaults={"kind": kind})
        for symbol, decimals in (("SOL", 9), ("BTC", 8), ("ETH", 9), ("USDC", 6)):
            Asset.objects.create(symbol=symbol, name=symbol, decimals=decimals, blockchain="Solana")
        for symbol, tick, step in (
            ("SOL_USDC", "0.01", "0.01"), ("BTC_USDC", "0.1", "0.00001"), ("ETH_BTC", "0.000001", "0.01"),
        ):  # fmt: skip
            base, quote = (Asset.objects.get(symbol=name) for name in symbol.split("_"))
            Market.objects.create(
                symbol=symbol, base=base, quote=quote, tick_size=Decimal(tick), step_size=Decimal(step),
                min_quantity=Decimal(step), listed=True,
            )  # fmt: skip

    def person(self, name: str) -> Account:
        user = User.objects.create_user(f"{name}@example.org", PASSWORD)
        self.people[name] = Account.objects.create(user=user)
        return self.people[name]

    def on(self, day: str) -> "Story":
        self.at = datetime.fromisoformat(day).replace(tzinfo=UTC)
        return self

    def _next(self) -> int:
        self.seq += 1
        self.at += timedelta(hours=1)
        Checkpoint.objects.update_or_create(
            name=CHECKPOINT, defaults={"n": self.seq, "seq": self.seq, "at_ms": int(self.at.timestamp()) * 1000}
        )
        return self.seq

    def _hold(self, account_id: int, asset: Asset, units: int) -> None:
        if account_id == OUTSIDE_ACCOUNT_ID:
            return
        row = Balance.objects.filter(account_id=account_id, asset_id=asset.pk)
        if not row.exists():
            Balance.objects.create(account_id=account_id, asset_id=asset.pk, available_units=0, locked_units=0)
        have = row.get().available_units
        row.update(available_units=have + units)

    def _post(self, kind: str, legs: list[tuple[int, int]], symbol: str, reference: str) -> None:
        seq, asset = self._next(), Asset.objects.get(symbol=symbol)
        LedgerPosting.objects.bulk_create(
            LedgerPosting(id=seq * 8 + i, seq=seq, at=self.at, kind=kind if account_id != FEES_ACCOUNT_ID else "fee",
                          account_id=account_id, asset=asset, units=units, reference=reference)
            for i, (account_id, units) in enumerate(legs)
        )  # fmt: skip
        for account_id, units in legs:
            if account_id != HOUSE_ACCOUNT_ID:
                self._hold(account_id, asset, units)

    def gets(self, name: str, amount: str, symbol: str, kind: str = "credit", reference: str = "gift") -> "Story":
        units = to_units(amount, Asset.objects.get(symbol=symbol).decimals)
        payer = OUTSIDE_ACCOUNT_ID if kind == "deposit" else HOUSE_ACCOUNT_ID
        self._post(kind, [(payer, -units), (self.people[name].pk, units)], symbol, reference)
        return self

    def withdraws(self, name: str, amount: str, symbol: str, fee: str = "0") -> "Story":
        decimals = Asset.objects.get(symbol=symbol).decimals
        units, fee_units = to_units(amount, decimals), to_units(fee, decimals)
        legs = [(self.people[name].pk, -units), (OUTSIDE_ACCOUNT_ID, units - fee_units)]
        legs += [(FEES_ACCOUNT_ID, fee_units)] if fee_units else []
        self._post("withdraw", legs, symbol, "withdrawal:1")
        return self

    def trades(
        self, maker: str, side: str, quantity: str, symbol: str, price: str, taker: str,
        maker_fee_ppm: int = 800, taker_fee_ppm: int = 1000,
    ) -> "Story":  # fmt: skip
        """`maker` buys or sells at a resting price; `taker` is the other side. Below zero a rebate in what is given."""
        market = Market.objects.select_related("base", "quote").get(symbol=symbol)
        spec, seq = market.spec(), self._next()
        lots, ticks = spec.parse_quantity(quantity), spec.parse_price(price)
        base_units, quote_units = lots * spec.base_units_per_lot, spec.notional_units(ticks, lots)
        rows, orders = [], []
        venue: dict[Asset, int] = {}
        for number, (name, word, ppm) in enumerate(
            ((maker, side, maker_fee_ppm), (taker, "sell" if side == "buy" else "buy", taker_fee_ppm))
        ):
            is_bid = word == "buy"
            received = (market.base, base_units) if is_bid else (market.quote, quote_units)
            given = (market.quote, quote_units) if is_bid else (market.base, base_units)
            asset, amount = received if ppm >= 0 else given
            fee = -(-amount * ppm // 1_000_000) if ppm >= 0 else -(amount * -ppm // 1_000_000)
            account = self.people[name]
            order = Order(
                id=seq * 10 + number, account=account, market=market, side="Bid" if is_bid else "Ask",
                order_type="Limit", status="Filled", price_ticks=ticks, quantity_lots=lots, executed_lots=lots,
                executed_quote_units=quote_units, time_in_force="GTC", post_only=False,
                self_trade_prevention="RejectTaker", created_at=self.at, updated_at=self.at, n=seq,
            )  # fmt: skip
            orders.append(order)
            rows.append(
                Fill(id=seq * 2 + number, account=account, market=market, order_id=order.id, trade_id=seq,
                     side=order.side, price_ticks=ticks, quantity_lots=lots, quote_units=quote_units, fee_units=fee,
                     fee_asset=asset, is_maker=number == 0, at=self.at)
            )  # fmt: skip
            self._hold(account.pk, received[0], received[1])
            self._hold(account.pk, given[0], -given[1])
            if fee:
                self._hold(account.pk, asset, -fee)
                venue[asset] = venue.get(asset, 0) + fee
        for asset, fee in venue.items():
            self._hold(FEES_ACCOUNT_ID, asset, fee)
        Order.objects.bulk_create(orders)
        Fill.objects.bulk_create(rows)
        return self

    def price(self, symbol: str, price: str) -> "Story":
        """The market's last price from now on."""
        market = Market.objects.select_related("base", "quote").get(symbol=symbol)
        ticks = market.spec().parse_price(price)
        Kline.objects.create(
            market=market, interval="1m", start=self.at.replace(second=0), open_ticks=ticks, high_ticks=ticks,
            low_ticks=ticks, close_ticks=ticks, volume_lots=1, quote_units=1, trades=1, last_seq=self.seq,
        )  # fmt: skip
        return self

    def deposit_row(self, name: str, amount: str, symbol: str, memo: str = "") -> Deposit:
        asset = Asset.objects.get(symbol=symbol)
        network, _ = AssetNetwork.objects.get_or_create(
            asset=asset, blockchain="Solana", defaults={"minimum_withdrawal_units": 2}
        )
        number = Deposit.objects.count() + 1
        return Deposit.objects.create(
            network=network, account=self.people[name], transaction_hash=f"hash{number}", output_index=0,
            blockchain="Solana", address="addr", memo=memo, units=to_units(amount, asset.decimals), engine_id=number,
            state=Deposit.State.CREDITED, credited_at=self.at,
        )  # fmt: skip

    def withdrawal_row(self, name: str, amount: str, symbol: str, address: str = "addr") -> Withdrawal:
        asset = Asset.objects.get(symbol=symbol)
        network, _ = AssetNetwork.objects.get_or_create(
            asset=asset, blockchain="Solana", defaults={"minimum_withdrawal_units": 2}
        )
        return Withdrawal.objects.create(
            network=network, account=self.people[name], units=to_units(amount, asset.decimals), fee_units=1,
            address=address, not_before=self.at,
        )  # fmt: skip


def log_in(client: object, account: Account) -> None:
    backend = "allauth.account.auth_backends.AuthenticationBackend"
    client.force_login(account.user, backend=backend)  # type: ignore[attr-defined]
