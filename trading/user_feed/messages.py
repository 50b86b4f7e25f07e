"""What the user feed tells the web processes about accounts: numbers, made into text only where the account listens."""

import msgspec

from matching import messages as m
from matching.messages import OrderType, SelfTradePrevention, Side, TimeInForce


class _Update(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Travels as a msgpack array; fields are only added at the end and with a default."""


class OrderTerms(_Update, frozen=True):
    """What was ordered, as it stands: an amended order has new terms. `extra` is what few orders have."""

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
    extra: m.OrderTerms | None = None


class FillTerms(_Update, frozen=True):
    """One side of a trade. The fee is in units of what this side received; below zero it is a rebate, in units of
    what this side gave."""

    trade_id: int
    price_ticks: int
    quantity_lots: int
    is_maker: bool
    fee_units: int


class OrderUpdate(_Update, frozen=True, tag="o"):
    """One thing that happened to an order. `event` and `status` are the words of the public stream; `executed_*` are
    the totals after it, `at_ms` engine time, `reason` why an order expired or could not be fired."""

    event: str
    status: str
    at_ms: int
    terms: OrderTerms
    executed_lots: int
    executed_quote_units: int
    fill: FillTerms | None = None
    reason: str | None = None


class BalanceUpdate(_Update, frozen=True, tag="b"):
    """New absolute amounts of an account in an asset, in units of 10^-decimals."""

    at_ms: int
    asset: str
    decimals: int
    available_units: int
    locked_units: int


Update = OrderUpdate | BalanceUpdate

_decoder = msgspec.msgpack.Decoder(Update)
decode_update = _decoder.decode
encode_update = msgspec.msgpack.Encoder().encode
