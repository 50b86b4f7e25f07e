"""What the campaign's clients wish for: a crowd of traders, staff and the wallet, and a probe that only trades.

Every wish carries a key of its own, so that it can be asked for until somebody answers. The seed decides the wishes;
what they meet depends on the answers and on the wall clock, so two runs of one seed are alike but not equal.
"""

import time
from collections import deque
from collections.abc import Iterator

import msgspec

from matching.messages import (
    Command,
    CreditAccount,
    Event,
    FundHouse,
    ListAsset,
    ListMarket,
    OrderType,
    PlaceOrder,
    SetKillSwitch,
    Side,
)
from matching.tests.crowd import WEIGHTS, Crowd
from matching.tests.crowd_staff import ACCOUNTS, STAFF

DECIMALS = 6
LOT_UNITS = 10
PROBE_MARKET = "ETH_USDC"
PROBE_ASSET = "ETH"
PROBE_ACCOUNTS = (1005, 1006)
PROBE_PRICE_TICKS = 100
PROBE_UNITS = 10**12
ASSETS = ("SOL", "BTC", "USDC", PROBE_ASSET)
ALL_ACCOUNTS = (*ACCOUNTS, *PROBE_ACCOUNTS)
POISON = "poison"
EVENTS_WAITING = 5_000  # A client that is behind by more forgets the oldest; it then asks for orders that are gone.
# The kill switch stops the probe as well, so it is engaged and released within one entry (`Wishes.next`).
_TRADERS = {**WEIGHTS, "kill": 0, "wallet": 0}
_STAFF = {**WEIGHTS, "kill": 0, "wallet": 150}


def market_listings() -> Iterator[ListMarket]:
    """The crowd's markets, with sizes that decimal numbers can express, and the probe's own."""
    for command in Crowd(0).listing():
        if isinstance(command, ListMarket):
            yield msgspec.structs.replace(command, base_units_per_lot=LOT_UNITS)
    yield ListMarket(
        symbol=PROBE_MARKET,
        base=PROBE_ASSET,
        quote="USDC",
        base_units_per_lot=LOT_UNITS,
        quote_units_per_tick_lot=3,
        min_quantity_lots=1,
        max_open_orders=100_000,
        maker_fee_ppm=800,
        taker_fee_ppm=1000,
        **STAFF,
    )


def opening() -> list[Command]:
    """Assets, markets and money, each with a key."""
    commands: list[Command] = []
    crowd = Crowd(0)
    for command in crowd.listing():
        if not isinstance(command, ListMarket):
            commands.append(command)
    commands.append(ListAsset(symbol=PROBE_ASSET, decimals=DECIMALS, **STAFF))
    for asset in (PROBE_ASSET, "USDC"):
        units = PROBE_UNITS * len(PROBE_ACCOUNTS)
        commands.append(FundHouse(asset=asset, units=units, reference="probe", **STAFF))
        for account_id in PROBE_ACCOUNTS:
            commands.append(
                CreditAccount(account_id=account_id, asset=asset, units=PROBE_UNITS, reference="probe", **STAFF)
            )
    assets = [command for command in commands if isinstance(command, ListAsset)]
    money = [command for command in commands if not isinstance(command, ListAsset)]
    every = [*assets, *market_listings(), *money]
    return [with_key(command, f"opening-{index}") for index, command in enumerate(every)]


def with_key(command: Command, key: str) -> Command:
    return msgspec.structs.replace(command, idempotency_key=key)


class Wishes:
    """One client's wishes. The first client alone is staff of the wallet, whose commands are numbered."""

    def __init__(self, seed: int, client: int) -> None:
        self.name = f"c{client}"
        self._crowd = Crowd(seed * 1_000 + client, dict(_STAFF if client == 0 else _TRADERS))
        self._count = 0
        self.events: deque[Event] = deque(maxlen=EVENTS_WAITING)  # What happened, from the reader's thread.

    def next(self) -> list[Command]:
        """The next request: one to six commands, each with its key."""
        crowd, rng = self._crowd, self._crowd.rng
        commands: list[Command] = []
        while self.events:
            crowd.notice(self.events.popleft())
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            crowd.at_ms = int(time.time() * 1000)
            commands.append(crowd.command())
        if crowd.chance(1):
            commands = [SetKillSwitch(engaged=True, **STAFF), *commands, SetKillSwitch(engaged=False, **STAFF)]
        return [with_key(command, self._key()) for command in commands]

    def _key(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"


def probe_order(number: int, index: int) -> PlaceOrder:
    """A sale and a purchase in turns, so that every second order trades."""
    return PlaceOrder(
        account_id=PROBE_ACCOUNTS[index % 2],
        market=PROBE_MARKET,
        side=Side.BID if index % 2 else Side.ASK,
        order_type=OrderType.LIMIT,
        price_ticks=PROBE_PRICE_TICKS,
        quantity_lots=1,
        idempotency_key=f"probe{number}-{index}",
    )
