"""Commands: what somebody wishes. The engine decides about each one at its position in the log."""

import msgspec

from matching.messages.base import Message, OrderTerms
from matching.messages.words import MarketState, OrderKind, OrderType, SelfTradePrevention, Side, TimeInForce

MAX_BATCH_STEPS = 50


# ------------------------------------------------------------------------------------------------------------ trading


class PlaceOrder(Message, frozen=True, tag="place_order"):
    """Ask for one order.

    A limit order has `price_ticks` and `quantity_lots`; a market order exactly one of `quantity_lots` and `quote_units`
    (what a buy may spend or a sell may receive at most). `client_id` must differ from those of the account's open
    orders in the market. `idempotency_key` makes a retry safe: same key and same content give the stored answer. After
    `valid_until_ms` the engine refuses the order instead of executing it late.
    """

    account_id: int
    market: str
    side: Side
    order_type: OrderType
    price_ticks: int | None = None
    quantity_lots: int | None = None
    quote_units: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.REJECT_TAKER
    client_id: int | None = None
    idempotency_key: str | None = None
    valid_until_ms: int | None = None
    terms: OrderTerms | None = None


class CancelOrder(Message, frozen=True, tag="cancel_order"):
    """Take one open order back, named by `order_id` or, when that is None, by `client_id`.

    `market` None matches any market and is only allowed together with `order_id`.
    """

    account_id: int
    market: str | None = None
    order_id: int | None = None
    client_id: int | None = None
    idempotency_key: str | None = None


class AmendOrder(Message, frozen=True, tag="amend_order"):
    """Change an open order, named as in `CancelOrder`; what is None stays.

    `quantity_lots` is the new total, executed part included. Less quantity at the same price keeps the order's place
    in the queue; anything else loses it and may trade at once.
    """

    account_id: int
    market: str | None = None
    order_id: int | None = None
    client_id: int | None = None
    price_ticks: int | None = None
    quantity_lots: int | None = None
    trigger_price_ticks: int | None = None
    idempotency_key: str | None = None
    valid_until_ms: int | None = None


class CancelAllOrders(Message, frozen=True, tag="cancel_all_orders"):
    """Take back the account's open orders, oldest first: in one market or (None) in all, of one side or both, resting
    or conditional or both."""

    account_id: int
    market: str | None = None
    idempotency_key: str | None = None
    side: Side | None = None
    kind: OrderKind | None = None


class PlaceOco(Message, frozen=True, tag="place_oco"):
    """Two orders of one market, at least one of them conditional; when one trades, fires or ends, the other goes."""

    account_id: int
    first: PlaceOrder
    second: PlaceOrder
    idempotency_key: str | None = None
    valid_until_ms: int | None = None


class Batch(Message, frozen=True, tag="batch"):
    """Up to MAX_BATCH_STEPS steps at one position of the log, one after the other, each with its own answer.

    A step that is refused does not stop the next. Keys and time limits are the batch's own; those of steps are ignored.
    """

    account_id: int
    steps: list[PlaceOrder | CancelOrder | AmendOrder | CancelAllOrders | PlaceOco]
    idempotency_key: str | None = None
    valid_until_ms: int | None = None


class CancelAfter(Message, frozen=True, tag="cancel_after"):
    """Dead man's switch: unless it is set anew, all the account's orders are cancelled `after_ms` from now; 0 = off."""

    account_id: int
    after_ms: int
    idempotency_key: str | None = None


# -------------------------------------------------------------------------------------------------------------- venue


class ListAsset(Message, frozen=True, tag="list_asset"):
    """Make an asset known; one whole coin is 10**decimals units. `actor` and `reason` go to the audit trail."""

    symbol: str
    decimals: int
    actor: str
    reason: str
    idempotency_key: str | None = None


class ListMarket(Message, frozen=True, tag="list_market"):
    """Open a market. One tick times one lot is `quote_units_per_tick_lot` quote units, a whole number, so that every
    notional is exact; one lot is `base_units_per_lot` base units. Fees are parts per million of what is received."""

    symbol: str
    base: str
    quote: str
    base_units_per_lot: int
    quote_units_per_tick_lot: int
    min_quantity_lots: int
    max_open_orders: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    actor: str
    reason: str
    idempotency_key: str | None = None


class SetMarketState(Message, frozen=True, tag="set_market_state"):
    """Halt, restrict or reopen a market, effective at this position of the log.

    With state AUCTION, `auction_ms` says after how long the engine uncrosses and opens by itself (None: when told).
    """

    market: str
    state: MarketState
    actor: str
    reason: str
    idempotency_key: str | None = None
    auction_ms: int | None = None
    approver: str | None = None


class SetMarketLimits(Message, frozen=True, tag="set_market_limits"):
    """Replace all limits of a market, for commands from here on. None or 0 means no limit where that makes sense.

    `min_price_ppm` and `max_price_ppm` bound a limit price as parts per million of the last price (1,000,000 is the
    last price itself); `min_impact_ppm` and `max_impact_ppm` bound a market order relative to the best price it meets.
    `band_ppm` bounds every trade around the reference price, which follows the last price every `band_window_ms`; a
    trade beyond it does not happen, and with `auction_ms` > 0 the market goes into an auction of that length.
    """

    market: str
    min_quantity_lots: int
    max_open_orders: int
    actor: str
    reason: str
    max_quantity_lots: int | None = None
    min_notional_units: int = 0
    min_price_ppm: int | None = None
    max_price_ppm: int | None = None
    min_impact_ppm: int | None = None
    max_impact_ppm: int | None = None
    band_ppm: int | None = None
    band_window_ms: int = 60_000
    auction_ms: int = 0
    idempotency_key: str | None = None
    approver: str | None = None


class SetMarketFees(Message, frozen=True, tag="set_market_fees"):
    """Change a market's fees of one account tier (0: everybody without a tier) for orders accepted from here on;
    resting orders keep theirs. A negative maker fee is a rebate and must not exceed any tier's taker fee."""

    market: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    actor: str
    reason: str
    idempotency_key: str | None = None
    tier: int = 0
    approver: str | None = None


class SetAccountTier(Message, frozen=True, tag="set_account_tier"):
    """Put an account into a fee tier; 0 is the ordinary one."""

    account_id: int
    tier: int
    actor: str
    reason: str
    idempotency_key: str | None = None
    approver: str | None = None


class SetAccountBlock(Message, frozen=True, tag="set_account_block"):
    """Forbid (or allow again) an account new orders and amends, in one market or (None) everywhere. Its open orders
    stay and can be cancelled; its conditional orders fail when they fire."""

    account_id: int
    blocked: bool
    actor: str
    reason: str
    market: str | None = None
    idempotency_key: str | None = None
    approver: str | None = None


class SetKillSwitch(Message, frozen=True, tag="set_kill_switch"):
    """Stop all trading at once, or allow it again. While it is engaged only cancels and money movements work."""

    engaged: bool
    actor: str
    reason: str
    idempotency_key: str | None = None
    approver: str | None = None


class ActivateRules(Message, frozen=True, tag="activate_rules"):
    """Switch to a newer version of the engine's rules, which every running engine must know."""

    version: int
    actor: str
    reason: str
    idempotency_key: str | None = None


# -------------------------------------------------------------------------------------------------------------- money


class FundHouse(Message, frozen=True, tag="fund_house"):
    """Money enters the venue from outside, to the house account. `reference` names where it came from."""

    asset: str
    units: int
    reference: str
    actor: str
    reason: str
    idempotency_key: str | None = None


class DefundHouse(Message, frozen=True, tag="defund_house"):
    """Money of the house account leaves the venue (network costs, owners' withdrawals)."""

    asset: str
    units: int
    reference: str
    actor: str
    reason: str
    idempotency_key: str | None = None
    wallet_number: int | None = None
    approver: str | None = None


class CreditAccount(Message, frozen=True, tag="credit_account"):
    """The house pays an account; refused when the house does not have it."""

    account_id: int
    asset: str
    units: int
    reference: str
    actor: str
    reason: str
    idempotency_key: str | None = None


class DebitAccount(Message, frozen=True, tag="debit_account"):
    """An account pays the house (a credit taken back, a deposit that the chain has undone), out of what it has free."""

    account_id: int
    asset: str
    units: int
    reference: str
    actor: str
    reason: str
    idempotency_key: str | None = None
    wallet_number: int | None = None
    approver: str | None = None


class CreditDeposit(Message, frozen=True, tag="credit_deposit"):
    """Money has arrived from outside for an account. Commands of the wallet carry `wallet_number`, which makes them
    safe to repeat for ever: see `docs/money.md`."""

    account_id: int
    asset: str
    units: int
    deposit_id: int
    wallet_number: int
    idempotency_key: str | None = None


class ReserveWithdrawal(Message, frozen=True, tag="reserve_withdrawal"):
    """Lock what a withdrawal takes from its account: `units`, of which `fee_units` will be the venue's."""

    account_id: int
    asset: str
    units: int
    fee_units: int
    withdrawal_id: int
    wallet_number: int
    idempotency_key: str | None = None


class SettleWithdrawal(Message, frozen=True, tag="settle_withdrawal"):
    """The withdrawal has been paid: its money leaves the venue or, with `to_account_id`, goes to that account."""

    withdrawal_id: int
    wallet_number: int
    to_account_id: int | None = None
    idempotency_key: str | None = None


class ReleaseWithdrawal(Message, frozen=True, tag="release_withdrawal"):
    """The withdrawal will not be paid: its account gets everything back."""

    withdrawal_id: int
    wallet_number: int
    idempotency_key: str | None = None


TradingCommand = PlaceOrder | CancelOrder | AmendOrder | CancelAllOrders | PlaceOco | Batch | CancelAfter
VenueCommand = (
    ListAsset
    | ListMarket
    | SetMarketState
    | SetMarketLimits
    | SetMarketFees
    | SetAccountTier
    | SetAccountBlock
    | SetKillSwitch
    | ActivateRules
)
MoneyCommand = (
    FundHouse
    | DefundHouse
    | CreditAccount
    | DebitAccount
    | CreditDeposit
    | ReserveWithdrawal
    | SettleWithdrawal
    | ReleaseWithdrawal
)
Command = TradingCommand | VenueCommand | MoneyCommand


class CommandEntry(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the cmd stream. Command i answers to correlation `first_correlation + i` on `rep:<origin>`.

    Commands stay undecoded (`Raw`) so that a bad one is refused alone and cannot spoil its neighbours. `weight` is what
    the bound on the backlog counts: a batch as many as its steps. Entries of older programs have none.
    """

    origin: str
    first_correlation: int
    commands: list[msgspec.Raw]
    weight: int = 0

    @property
    def counted(self) -> int:
        """What the entry adds to the backlog."""
        return max(len(self.commands), min(self.weight, MAX_BATCH_STEPS * len(self.commands)))
