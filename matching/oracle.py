"""The matching oracle: public order flows whose one right answer is known as a hash.

The format is that of the "matching-engine-benchmark" project: a 16-byte header and one 40-byte record per message.
Buyers and sellers are two accounts, so no order ever meets its own; a modify is a cancel and a new order under the
sender's id, as the format demands. The engine works as in production: balances, and fees when asked for.
"""

import gc
import gzip
import hashlib
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from matching.core.engine import Engine
from matching.messages import (
    MAX_INT,
    CancelOrder,
    Command,
    CreditAccount,
    FundHouse,
    ListAsset,
    ListMarket,
    OrderStatus,
    OrderType,
    Outcome,
    PlaceOrder,
    Side,
    TimeInForce,
    TradeMade,
)

MARKET = "BASE_QUOTE"
BUYER, SELLER = 1001, 1002
NEW, CANCEL, MODIFY = 0, 1, 2
MAKER_FEE_PPM, TAKER_FEE_PPM = 800, 1000
_HEADER = struct.Struct("<QII")
_RECORD = struct.Struct("<BBBBIQQqq")


@dataclass(frozen=True, slots=True)
class Request:
    """One message of the workload, in its own words."""

    kind: int
    is_buy: bool
    is_ioc: bool
    quantity: int
    sequence: int
    order_id: int
    price: int


def read_workload(path: Path) -> list[Request]:
    """Every message of a workload file, plain or gzip. Raises ValueError when the file is something else."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if len(data) < _HEADER.size:
        raise ValueError("The file is shorter than a workload's header.")
    _magic, _version, count = _HEADER.unpack_from(data)
    body = memoryview(data)[_HEADER.size :]
    if len(body) != count * _RECORD.size:
        raise ValueError(f"The header promises {count} messages, the file holds {len(body) / _RECORD.size:g}.")
    return [
        Request(kind, side == 0, ioc == 1, quantity, sequence, order_id, price)
        for kind, side, ioc, _pad, quantity, sequence, order_id, price, _reserved in _RECORD.iter_unpack(body)
    ]


def funded_engine(with_fees: bool) -> Engine:
    """An engine with one market and two accounts whose funds never run out."""
    engine = Engine()
    staff = {"actor": "oracle", "reason": "workload"}
    commands: list[Command] = [
        ListAsset(symbol="BASE", decimals=0, **staff),
        ListAsset(symbol="QUOTE", decimals=0, **staff),
        ListMarket(
            symbol=MARKET,
            base="BASE",
            quote="QUOTE",
            base_units_per_lot=1,
            quote_units_per_tick_lot=1,
            min_quantity_lots=1,
            max_open_orders=10_000_000,
            maker_fee_ppm=MAKER_FEE_PPM if with_fees else 0,
            taker_fee_ppm=TAKER_FEE_PPM if with_fees else 0,
            **staff,
        ),
    ]
    for asset, account_id in (("BASE", SELLER), ("QUOTE", BUYER)):
        commands.append(FundHouse(asset=asset, units=MAX_INT, reference="oracle", **staff))
        commands.append(CreditAccount(account_id=account_id, asset=asset, units=MAX_INT, reference="oracle", **staff))
    for index, command in enumerate(commands):
        applied = engine.apply(command, f"0-0/{index}", 0)
        assert applied.outcome is not None
        assert applied.outcome.refusal is None, applied.outcome.refusal
    return engine


def place_command(request: Request) -> PlaceOrder:
    return PlaceOrder(
        account_id=BUYER if request.is_buy else SELLER,
        market=MARKET,
        side=Side.BID if request.is_buy else Side.ASK,
        order_type=OrderType.LIMIT,
        price_ticks=request.price,
        quantity_lots=request.quantity,
        time_in_force=TimeInForce.IOC if request.is_ioc else TimeInForce.GTC,
    )


class Recorder:
    """Drives an engine with a workload and keeps what is needed to write the canonical report afterwards."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outcomes: list[tuple[Request, Outcome | None, Outcome | None]] = []  # (request, cancel, place)
        self._live: dict[int, tuple[int, int]] = {}  # Sender's id -> (engine's id, account).

    def run(self, requests: list[Request]) -> None:
        apply, live, outcomes = self.engine.apply, self._live, self.outcomes
        for at, request in enumerate(requests):
            cancelled = placed = None
            if request.kind != NEW:
                order_id, account_id = live.get(request.order_id, (0, 0))
                command = CancelOrder(account_id=account_id, market=MARKET, order_id=order_id)
                cancelled = apply(command, "", at).outcome
                assert cancelled is not None
            if request.kind == NEW or (request.kind == MODIFY and cancelled is not None and cancelled.refusal is None):
                command_ = place_command(request)
                applied = apply(command_, "", at)
                placed = applied.outcome
                live[request.order_id] = (self.engine.venue.last_order_id, command_.account_id)
            outcomes.append((request, cancelled, placed))


def report(outcomes: list[tuple[Request, Outcome | None, Outcome | None]]) -> bytes:
    """The canonical output: one line a report, ordered by sequence and report type."""
    senders: dict[int, int] = {}
    lines: list[tuple[int, int, str]] = []
    prices: dict[int, tuple[int, int]] = {}  # Sender's id -> (side, price) as last entered.
    for request, cancelled, placed in outcomes:
        seq, oid, side = request.sequence, request.order_id, 0 if request.is_buy else 1
        if cancelled is not None and cancelled.refusal is not None:
            kind = 4 if request.kind == CANCEL else 5
            lines.append((seq, kind, f"{kind},{seq},{oid}"))
        elif request.kind == CANCEL:
            own_side, price = prices[oid]
            lines.append((seq, 2, f"2,{seq},{own_side},{oid},{price}"))
        if placed is None:
            continue
        assert placed.refusal is None, (request, placed.refusal)
        accepted = 0 if request.kind == NEW else 3
        lines.append((seq, accepted, f"{accepted},{seq},{side},{oid},{request.price},{request.quantity}"))
        prices[oid] = (side, request.price)
        senders[placed.events[0].order_id] = oid  # type: ignore[union-attr]
        for event in placed.events[1:]:
            if isinstance(event, TradeMade):
                maker, taker = senders[event.maker_order_id], senders[event.taker_order_id]
                lines.append((seq, 1, f"1,{seq},{event.price_ticks},{event.quantity_lots},{maker},{taker}"))
            elif getattr(event, "status", None) is OrderStatus.EXPIRED:
                lines.append((seq, 2, f"2,{seq},{side},{oid},{request.price}"))
    lines.sort(key=lambda line: line[:2])
    return "\n".join(line for _seq, _kind, line in lines).encode()


@dataclass(frozen=True, slots=True)
class Result:
    messages: int
    seconds: float
    sha256: str

    @property
    def messages_per_second(self) -> int:
        return int(self.messages / self.seconds)


def run(path: Path, with_fees: bool) -> Result:
    """Feed a workload through a fresh engine. Only the engine is timed: neither reading nor the report.

    The garbage collector rests, as it does in the engine's own process.
    """
    requests = read_workload(path)
    recorder = Recorder(funded_engine(with_fees))
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        recorder.run(requests)
        seconds = time.perf_counter() - start
    finally:
        if collecting:
            gc.enable()
    recorder.engine.check_invariants()
    return Result(len(requests), seconds, hashlib.sha256(report(recorder.outcomes)).hexdigest())
