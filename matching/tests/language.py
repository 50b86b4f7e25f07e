"""The small language of the scenarios: one line a command, in the words traders, staff and the wallet use.

Orders (whole coins, prices in quote; the venue's market is SOL_USDC, tick 0.01, step 0.01):

    alice sell 2 @ 100              a limit order
    bob buy 1 / bob buy for 50      a market order by base, by quote
    bob buy 1 @ 105 ioc             with any of these words:
        ioc  fok  post-only  keep (RejectMaker)  both (RejectBoth)  decrement  id=7  key=a
        until=60s                   good till then
        show=0.5                    an iceberg
        stop=99 / trail=5           conditional: a trigger, or a distance to the best price
        loss=95 gain=110/109        exits: trigger, or trigger/limit
        slip=0.05 / slip=2%         how far from the best price a market order trades
    bob oco sell 1 @ 110 | sell 1 stop=95
    bob amend 3 to 2 @ 101 stop=98  with at least one of the three
    bob cancel 3 / id=7 / all / bids / asks / resting / waiting / everywhere
    bob batch buy 1 @ 99 ; cancel 3 ; amend 4 to 1
    bob switch 60s / bob switch off

Staff: `staff state Open`, `staff auction 60s`, `staff auction`, `staff limits band_ppm=50000 auction_ms=60000`,
`staff fees maker=-100 taker=1000 tier=2`, `staff tier bob 2`, `staff block bob`, `staff unblock bob here` (in the
market), `staff kill`, `staff release`, `staff debit bob 5 SOL`, `staff defund 5 SOL`.
Wallet: `wallet deposit 9 bob 5 SOL #1` (deposit 9, wallet number 1), `wallet reserve 4 bob 5 SOL fee=0.1 #2`,
`wallet settle 4 #3`, `wallet settle 4 to=alice #3`, `wallet release 4 #3`.
"""

from decimal import Decimal

from matching.messages import (
    AmendOrder,
    Batch,
    CancelAfter,
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditDeposit,
    DebitAccount,
    DefundHouse,
    ExitTerms,
    MarketState,
    OrderKind,
    OrderTerms,
    OrderType,
    PlaceOco,
    PlaceOrder,
    ReleaseWithdrawal,
    ReserveWithdrawal,
    SelfTradePrevention,
    SetAccountBlock,
    SetAccountTier,
    SetKillSwitch,
    SetMarketFees,
    SetMarketLimits,
    SetMarketState,
    SettleWithdrawal,
    Side,
    TimeInForce,
)
from matching.symbols import AssetSpec, market_spec

STAFF = {"actor": "test", "reason": "scenario"}
SOL, USDC = AssetSpec("SOL", 9), AssetSpec("USDC", 6)
ASSETS = {"SOL": SOL, "USDC": USDC}
SPEC = market_spec("SOL_USDC", SOL, USDC, Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
PREVENTIONS = {
    "keep": SelfTradePrevention.REJECT_MAKER,
    "both": SelfTradePrevention.REJECT_BOTH,
    "decrement": SelfTradePrevention.DECREMENT,
}
SIDES = {"bids": Side.BID, "asks": Side.ASK}
KINDS = {"resting": OrderKind.RESTING, "waiting": OrderKind.CONDITIONAL}
DEFAULT_LIMITS = {"min_quantity_lots": 1, "max_open_orders": 200}


def milliseconds(text: str) -> int:
    """`60s`, `250ms` or `1h`."""
    for unit, factor in (("ms", 1), ("s", 1_000), ("h", 3_600_000), ("d", 86_400_000)):
        if text.endswith(unit) and text.removesuffix(unit).isdigit():
            return int(text.removesuffix(unit)) * factor
    raise ValueError(f"{text} is no duration.")


def options(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words if "=" in word)


def parse(line: str, people: dict[str, int], now_ms: int) -> Command:
    """The command that a line means. Raises KeyError or ValueError for words that the language does not have."""
    name, verb, *words = line.split()
    if name == "staff":
        return _staff(verb, words, people)
    if name == "wallet":
        return _wallet(verb, words, people)
    return _Trader(people[name], now_ms).wish(verb, words)


class _Trader:
    """Somebody who sends commands at a time of the log."""

    def __init__(self, account_id: int, now_ms: int) -> None:
        self.account_id = account_id
        self.now_ms = now_ms

    def wish(self, verb: str, words: list[str]) -> Command:
        if verb in ("buy", "sell"):
            return self.order(verb, words)
        if verb == "cancel":
            return self.cancel(words)
        if verb == "amend":
            return self.amend(words)
        key = options(words).get("key")
        if verb == "switch":
            after_ms = 0 if words[0] == "off" else milliseconds(words[0])
            return CancelAfter(account_id=self.account_id, after_ms=after_ms, idempotency_key=key)
        if verb == "oco":
            first, second = (self.wish(*self.split(part)) for part in " ".join(words).split(" | "))
            return PlaceOco(account_id=self.account_id, first=first, second=second, idempotency_key=key)
        if verb == "batch":
            steps = [self.wish(*self.split(part)) for part in " ".join(words).split(" ; ")]
            return Batch(account_id=self.account_id, steps=steps, idempotency_key=key)
        raise ValueError(f"Nobody knows how to {verb}.")

    def split(self, part: str) -> tuple[str, list[str]]:
        verb, *words = part.split()
        return verb, words

    def cancel(self, words: list[str]) -> Command:
        word = words[0]
        if word.startswith("id="):
            return CancelOrder(account_id=self.account_id, market=SPEC.symbol, client_id=int(word[3:]))
        if word.isdigit():
            return CancelOrder(account_id=self.account_id, order_id=int(word))
        return CancelAllOrders(
            account_id=self.account_id,
            market=None if word == "everywhere" else SPEC.symbol,
            side=SIDES.get(word),
            kind=KINDS.get(word),
        )

    def amend(self, words: list[str]) -> AmendOrder:
        trigger = options(words[1:]).get("stop")
        by_client = words[0].startswith("id=")
        return AmendOrder(
            account_id=self.account_id,
            market=SPEC.symbol,
            client_id=int(words[0][3:]) if by_client else None,
            order_id=None if by_client else int(words[0]),
            quantity_lots=SPEC.parse_quantity(words[words.index("to") + 1]) if "to" in words else None,
            price_ticks=SPEC.parse_price(words[words.index("@") + 1]) if "@" in words else None,
            trigger_price_ticks=None if trigger is None else SPEC.parse_price(trigger),
        )

    def order(self, verb: str, words: list[str]) -> PlaceOrder:
        by_quote = words[0] == "for"
        amount = words[1] if by_quote else words[0]
        price = words[words.index("@") + 1] if "@" in words else None
        named = options(words)
        tif = next((TimeInForce(word.upper()) for word in words if word in ("ioc", "fok")), TimeInForce.GTC)
        prevention = next((PREVENTIONS[word] for word in words if word in PREVENTIONS), None)
        return PlaceOrder(
            account_id=self.account_id,
            market=SPEC.symbol,
            side=Side.BID if verb == "buy" else Side.ASK,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            price_ticks=None if price is None else SPEC.parse_price(price),
            quantity_lots=None if by_quote else SPEC.parse_quantity(amount),
            quote_units=SPEC.parse_quote(amount) if by_quote else None,
            time_in_force=TimeInForce.GTD if "until" in named else tif,
            post_only="post-only" in words,
            self_trade_prevention=prevention or SelfTradePrevention.REJECT_TAKER,
            client_id=int(named["id"]) if "id" in named else None,
            idempotency_key=named.get("key"),
            terms=self.terms(named),
        )

    def terms(self, named: dict[str, str]) -> OrderTerms | None:
        terms: dict[str, object] = {}
        if "until" in named:
            terms["expires_at_ms"] = self.now_ms + milliseconds(named["until"])
        if "show" in named:
            terms["display_lots"] = SPEC.parse_quantity(named["show"])
        if "stop" in named:
            terms["trigger_price_ticks"] = SPEC.parse_price(named["stop"])
        if "trail" in named:
            terms["trailing_ticks"] = SPEC.parse_price(named["trail"])
        for word, member in (("loss", "stop_loss"), ("gain", "take_profit")):
            if word in named:
                trigger, *limit = [SPEC.parse_price(price) for price in named[word].split("/")]
                terms[member] = ExitTerms(trigger_price_ticks=trigger, price_ticks=limit[0] if limit else None)
        slip = named.get("slip", "")
        if slip.endswith("%"):
            terms["slippage_ppm"] = int(Decimal(slip[:-1]) * 10_000)
        elif slip:
            terms["slippage_ticks"] = SPEC.parse_price(slip)
        return OrderTerms(**terms) if terms else None


def _staff(verb: str, words: list[str], people: dict[str, int]) -> Command:
    if verb == "state":
        return SetMarketState(market=SPEC.symbol, state=MarketState(words[0]), **STAFF)
    if verb == "auction":
        after_ms = milliseconds(words[0]) if words else None
        return SetMarketState(market=SPEC.symbol, state=MarketState.AUCTION, auction_ms=after_ms, **STAFF)
    if verb == "limits":
        limits = {**DEFAULT_LIMITS, **{name: int(value) for name, value in options(words).items()}}
        return SetMarketLimits(market=SPEC.symbol, **limits, **STAFF)
    if verb == "fees":
        rates = {"tier": 0, **{name: int(value) for name, value in options(words).items()}}
        maker, taker, tier = rates["maker"], rates["taker"], rates["tier"]
        return SetMarketFees(market=SPEC.symbol, maker_fee_ppm=maker, taker_fee_ppm=taker, tier=tier, **STAFF)
    if verb == "tier":
        return SetAccountTier(account_id=people[words[0]], tier=int(words[1]), **STAFF)
    if verb in ("block", "unblock"):
        market = SPEC.symbol if "here" in words else None
        return SetAccountBlock(account_id=people[words[0]], market=market, blocked=verb == "block", **STAFF)
    if verb in ("kill", "release"):
        return SetKillSwitch(engaged=verb == "kill", **STAFF)
    units = ASSETS[words[-1]].parse(words[-2])
    if verb == "debit":
        return DebitAccount(account_id=people[words[0]], asset=words[-1], units=units, reference="undone", **STAFF)
    if verb == "defund":
        return DefundHouse(asset=words[-1], units=units, reference="costs", **STAFF)
    raise ValueError(f"Staff does not {verb}.")


def _wallet(verb: str, words: list[str], people: dict[str, int]) -> Command:
    number, which = int(words[-1].removeprefix("#")), int(words[0])
    named = options(words)
    if verb == "settle":
        to = people[named["to"]] if "to" in named else None
        return SettleWithdrawal(withdrawal_id=which, to_account_id=to, wallet_number=number)
    if verb == "release":
        return ReleaseWithdrawal(withdrawal_id=which, wallet_number=number)
    asset = words[3]
    common = {
        "account_id": people[words[1]],
        "asset": asset,
        "units": ASSETS[asset].parse(words[2]),
        "wallet_number": number,
    }
    if verb == "deposit":
        return CreditDeposit(deposit_id=which, **common)
    if verb == "reserve":
        fee_units = ASSETS[asset].parse(named["fee"]) if "fee" in named else 0
        return ReserveWithdrawal(withdrawal_id=which, fee_units=fee_units, **common)
    raise ValueError(f"The wallet does not {verb}.")
