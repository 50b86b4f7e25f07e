"""What the feeds tell the web processes over the fan Redis. Numbers only: text is made where somebody reads it.

Prices are ticks, quantities lots, amounts quote units, `at_ms` is the engine's time. Each structure travels as a
msgpack array, so fields may only be added at the end and with a default.
"""

from decimal import Decimal
from typing import Any

import msgspec

from matching.symbols import AssetSpec, MarketSpec, market_spec

IMAGE_POSITION_FIELD = "_at"  # In the md:books hash, beside one field for each market.


Sum = Decimal
"""A whole number that adds up many trades. It may pass the 64 bits of a msgpack integer, so it travels as text."""


class _Fan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Anything that travels on the fan."""


def _plain(size: Decimal) -> str:
    return f"{size.normalize():f}"


class MarketNumbers(_Fan, frozen=True):
    """What text of a market's figures needs; `spec` is the usable form. Sizes are plain decimals."""

    symbol: str
    base: str
    base_decimals: int
    quote: str
    quote_decimals: int
    tick_size: str
    step_size: str
    min_quantity: str

    @classmethod
    def of(cls, spec: MarketSpec) -> "MarketNumbers":
        return cls(
            spec.symbol,
            spec.base.symbol,
            spec.base.decimals,
            spec.quote.symbol,
            spec.quote.decimals,
            _plain(spec.tick_size),
            _plain(spec.step_size),
            _plain(spec.min_quantity_lots * spec.step_size),
        )

    def spec(self) -> MarketSpec:
        """Raises InvalidNumber when the numbers do not fit together."""
        return market_spec(
            self.symbol,
            AssetSpec(self.base, self.base_decimals),
            AssetSpec(self.quote, self.quote_decimals),
            Decimal(self.tick_size),
            Decimal(self.step_size),
            Decimal(self.min_quantity),
        )


class BookDiff(_Fan, frozen=True):
    """Changes `first_id` to `last_id` of a market's book, put together: new absolute lots of each level, 0 deletes."""

    market: str
    first_id: int
    last_id: int
    at_ms: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class PublicTrade(_Fan, frozen=True):
    market: str
    trade_id: int
    at_ms: int
    price_ticks: int
    quantity_lots: int
    quote_units: int
    buyer_is_maker: bool
    buyer_order_id: int
    seller_order_id: int


class Figures(_Fan, frozen=True):
    """A market over a rolling window. Prices are None when the market never traded; without a trade inside the window
    all four are the last price."""

    first_ticks: int | None = None
    last_ticks: int | None = None
    high_ticks: int | None = None
    low_ticks: int | None = None
    volume_lots: Sum = Decimal(0)
    quote_units: Sum = Decimal(0)
    trades: int = 0


class TickerFigures(_Fan, frozen=True):
    market: str
    day: Figures
    week: Figures


class CandleState(_Fan, frozen=True):
    """A candle with at least one trade as it stands; `closed` when no trade can come any more."""

    market: str
    interval: str
    start_ms: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: Sum
    trades: int
    closed: bool


class MarketMode(_Fan, frozen=True):
    """What a market takes, since `at_ms`, and its call auction while it is `collecting` orders.

    Price, lots and surplus (positive: bids stay unfilled) are where it would uncross; right after its end where it did.
    """

    market: str
    state: str
    at_ms: int
    collecting: bool = False
    ends_at_ms: int | None = None
    reason: str = ""
    price_ticks: int | None = None
    lots: int = 0
    surplus_lots: int = 0


class MarketBatch(_Fan, frozen=True):
    """Everything public that outcomes `after_n` + 1 to `n` made. A batch with n = after_n carries only what time made.

    The next batch's `after_n` is this one's `n`, so a reader sees at once when one is missing.
    """

    n: int
    at_ms: int
    after_n: int
    books: list[BookDiff] = []
    trades: list[PublicTrade] = []
    tickers: list[TickerFigures] = []
    candles: list[CandleState] = []
    listed: list[MarketNumbers] = []
    modes: list[MarketMode] = []


class BookImage(_Fan, frozen=True):
    """One market, whole, for a web process that starts. Levels ascend by price on both sides.

    `bids_cut` and `asks_cut` say that the book goes on below the first bid, above the last ask.
    """

    numbers: MarketNumbers
    update_id: int
    at_ms: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    bids_cut: bool
    asks_cut: bool
    ticker: TickerFigures
    trades: list[PublicTrade]  # Oldest first.
    mode: MarketMode | None = None


class ImagePosition(_Fan, frozen=True):
    """The images are true after outcome `n`; the stream goes on behind entry `stream_id`."""

    stream_id: str
    n: int


class UserBatch(_Fan, frozen=True):
    """Everything outcomes `after_n` + 1 to `n` mean for accounts, in order: (account_id, encoded update).

    An update stays undecoded (`Raw`) until it is known that the account listens; `trading.user_feed.messages` has it.
    """

    n: int
    at_ms: int
    after_n: int
    updates: list[tuple[int, msgspec.Raw]] = []


_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(MarketBatch)
_user_batch_decoder = msgspec.msgpack.Decoder(UserBatch)
_image_decoder = msgspec.msgpack.Decoder(BookImage)
_position_decoder = msgspec.msgpack.Decoder(ImagePosition)


class _Position(_Fan, frozen=True):
    """What the batches of both feeds begin with."""

    n: int
    at_ms: int
    after_n: int


_head_decoder = msgspec.msgpack.Decoder(_Position)


def encode(message: Any) -> bytes:
    return _encoder.encode(message)


decode_market_batch = _batch_decoder.decode
decode_user_batch = _user_batch_decoder.decode
decode_image = _image_decoder.decode
decode_image_position = _position_decoder.decode


def last_n_of(payload: bytes) -> int:
    """Where a batch of either feed ends."""
    return _head_decoder.decode(payload).n
