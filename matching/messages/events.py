"""Events: what happened. Every projection (database, market data, user feeds) is made of these alone."""

import msgspec

from matching.messages.base import Message, OrderView
from matching.messages.words import (
    EndReason,
    MarketState,
    OrderChange,
    OrderStatus,
    OrderType,
    RefusalReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)


class OrderAccepted(Message, frozen=True, kw_only=False, tag="order_accepted"):
    """The order is ours. What became of it follows in the same outcome; `created_at` is the outcome's `at_ms`."""

    order_id: int
    account_id: int
    market: str
    side: Side
    order_type: OrderType
    price_ticks: int | None
    quantity_lots: int | None
    quote_units: int | None
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    client_id: int | None


class TradeMade(Message, frozen=True, kw_only=False, tag="trade"):
    """Two orders met at the maker's price.

    `quote_units` is what the buyer pays. The buyer's fee is in base units, the seller's in quote units: the asset each
    receives. A negative maker fee is a rebate; it is paid out of the taker's fee, so in the asset that the maker gives.
    In an auction the later of the two orders counts as the taker, and the price is the auction's.
    `*_executed_*` are the orders' totals after this trade, `*_filled` says that the order is complete (and gone).
    """

    market: str
    trade_id: int
    price_ticks: int
    quantity_lots: int
    quote_units: int
    taker_side: Side
    maker_order_id: int
    taker_order_id: int
    maker_account_id: int
    taker_account_id: int
    maker_fee_units: int
    taker_fee_units: int
    maker_executed_lots: int
    maker_executed_quote_units: int
    taker_executed_lots: int
    taker_executed_quote_units: int
    maker_filled: bool
    taker_filled: bool


class OrderEnded(Message, frozen=True, kw_only=False, tag="order_ended"):
    """An order left without being (completely) filled: `status` Cancelled (by its owner, or as a maker by self-trade
    prevention) or Expired (by a rule). A market order by quote amount that spent all it can ends as `trade` with
    `taker_filled`."""

    order_id: int
    account_id: int
    market: str
    status: OrderStatus
    reason: EndReason


class BalanceChanged(Message, frozen=True, kw_only=False, tag="balance"):
    """New absolute amounts of one account and asset; at most one a command, after everything that caused it."""

    account_id: int
    asset: str
    available_units: int
    locked_units: int


class BookChanged(Message, frozen=True, kw_only=False, tag="book"):
    """The visible book of a market changed: new absolute lots of each changed level, 0 deletes it.

    `update_id` grows by exactly one with each such event of the market. Bids and asks are `(price_ticks, lots)`.
    """

    market: str
    update_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class AssetListed(Message, frozen=True, tag="asset_listed"):
    symbol: str
    decimals: int


class MarketListed(Message, frozen=True, tag="market_listed"):
    symbol: str
    base: str
    quote: str
    base_units_per_lot: int
    quote_units_per_tick_lot: int
    min_quantity_lots: int
    max_open_orders: int
    maker_fee_ppm: int
    taker_fee_ppm: int


class MarketStateChanged(Message, frozen=True, tag="market_state_changed"):
    market: str
    state: MarketState
    actor: str
    reason: str


class MarketFeesChanged(Message, frozen=True, tag="market_fees_changed"):
    market: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    actor: str
    reason: str


class HouseFunded(Message, frozen=True, tag="house_funded"):
    asset: str
    units: int
    reference: str


class AccountCredited(Message, frozen=True, tag="account_credited"):
    account_id: int
    asset: str
    units: int
    reference: str


class OrderChanged(Message, frozen=True, tag="order_changed"):
    """Something other than a trade or an ordinary end happened to an order; `order` is all of it afterwards."""

    change: OrderChange
    order: OrderView


class AuctionStarted(Message, frozen=True, tag="auction_started"):
    """From here on orders are collected. `ends_at_ms` None: until staff ends it. `reason` is for traders to read."""

    market: str
    ends_at_ms: int | None
    reason: str


class AuctionIndicated(Message, frozen=True, tag="auction_indicated"):
    """Where the auction would uncross now: the price of most volume, None when nothing would trade.

    `surplus_lots` is what stays unfilled at that price: positive on the bid side, negative on the ask side.
    """

    market: str
    price_ticks: int | None
    lots: int
    surplus_lots: int


class AuctionEnded(Message, frozen=True, tag="auction_ended"):
    """The book was uncrossed at one price (None: it was not crossed); its trades came before this event."""

    market: str
    price_ticks: int | None
    lots: int


class MarketLimitsChanged(Message, frozen=True, tag="market_limits_changed"):
    """The market's limits as they are now; see `SetMarketLimits`."""

    market: str
    min_quantity_lots: int
    max_quantity_lots: int | None
    min_notional_units: int
    max_open_orders: int
    min_price_ppm: int | None
    max_price_ppm: int | None
    min_impact_ppm: int | None
    max_impact_ppm: int | None
    band_ppm: int | None
    band_window_ms: int
    auction_ms: int
    actor: str
    reason: str


class TierFeesChanged(Message, frozen=True, tag="tier_fees_changed"):
    """A market's fees of one tier; the ordinary tier 0 has `MarketFeesChanged`."""

    market: str
    tier: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    actor: str
    reason: str


class AccountTierChanged(Message, frozen=True, tag="account_tier_changed"):
    account_id: int
    tier: int
    actor: str
    reason: str


class AccountBlockChanged(Message, frozen=True, tag="account_block_changed"):
    account_id: int
    market: str | None
    blocked: bool
    actor: str
    reason: str


class KillSwitchChanged(Message, frozen=True, tag="kill_switch_changed"):
    engaged: bool
    actor: str
    reason: str


class RulesActivated(Message, frozen=True, tag="rules_activated"):
    version: int
    actor: str
    reason: str


class CancelAfterSet(Message, frozen=True, tag="cancel_after_set"):
    """The account's dead man's switch runs out at `deadline_ms`; None: it is off, or has just fired."""

    account_id: int
    deadline_ms: int | None


class DepositCredited(Message, frozen=True, tag="deposit_credited"):
    account_id: int
    asset: str
    units: int
    deposit_id: int
    wallet_number: int


class WithdrawalReserved(Message, frozen=True, tag="withdrawal_reserved"):
    withdrawal_id: int
    account_id: int
    asset: str
    units: int
    fee_units: int
    wallet_number: int


class WithdrawalSettled(Message, frozen=True, tag="withdrawal_settled"):
    """`units` left the account for good: `fee_units` to the venue, the rest out of it or to `to_account_id`."""

    withdrawal_id: int
    account_id: int
    asset: str
    units: int
    fee_units: int
    to_account_id: int | None
    wallet_number: int


class WithdrawalReleased(Message, frozen=True, tag="withdrawal_released"):
    withdrawal_id: int
    account_id: int
    asset: str
    units: int
    wallet_number: int


class AccountDebited(Message, frozen=True, tag="account_debited"):
    account_id: int
    asset: str
    units: int
    reference: str


class HouseDefunded(Message, frozen=True, tag="house_defunded"):
    asset: str
    units: int
    reference: str


Event = (
    OrderAccepted
    | TradeMade
    | OrderEnded
    | OrderChanged
    | BalanceChanged
    | BookChanged
    | AssetListed
    | MarketListed
    | MarketStateChanged
    | MarketLimitsChanged
    | MarketFeesChanged
    | TierFeesChanged
    | AuctionStarted
    | AuctionIndicated
    | AuctionEnded
    | AccountTierChanged
    | AccountBlockChanged
    | KillSwitchChanged
    | RulesActivated
    | CancelAfterSet
    | HouseFunded
    | HouseDefunded
    | AccountCredited
    | AccountDebited
    | DepositCredited
    | WithdrawalReserved
    | WithdrawalSettled
    | WithdrawalReleased
)


class Outcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the engine decided about one command.

    `n` has no gap and no repeat. Event i of the outcome has the gapless event number `seq + i`. A refused command has
    no events and says why in `refusal`. `command_id` is "<cmd entry id>/<index in the entry>".
    """

    n: int
    seq: int
    at_ms: int
    command_id: str
    events: list[Event]
    refusal: RefusalReason | None = None
