"""Seeded random command flows over two markets and a handful of accounts, for replay and property tests."""

import random
from collections.abc import Iterator

from matching.messages import (
    MAX_INT,
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    FundHouse,
    ListAsset,
    ListMarket,
    MarketState,
    OrderType,
    PlaceOrder,
    SelfTradePrevention,
    SetMarketFees,
    SetMarketState,
    Side,
    TimeInForce,
)

STAFF = {"actor": "test", "reason": "flow"}
ACCOUNTS = (1001, 1002, 1003, 1004)
MARKETS = ("SOL_USDC", "BTC_USDC")


def listing() -> Iterator[Command]:
    """Three assets, two markets and funded accounts. Small sizes, so that funds and limits do run out."""
    for symbol in ("SOL", "BTC", "USDC"):
        yield ListAsset(symbol=symbol, decimals=6, **STAFF)
        yield FundHouse(asset=symbol, units=10_000_000, reference="seed", **STAFF)
    for symbol in MARKETS:
        base, quote = symbol.split("_")
        yield ListMarket(
            symbol=symbol,
            base=base,
            quote=quote,
            base_units_per_lot=10,
            quote_units_per_tick_lot=3,
            min_quantity_lots=1,
            max_open_orders=12,
            maker_fee_ppm=800,
            taker_fee_ppm=1000,
            **STAFF,
        )
    for account_id in ACCOUNTS:
        for symbol, units in (("SOL", 900), ("BTC", 600), ("USDC", 40_000)):
            yield CreditAccount(account_id=account_id, asset=symbol, units=units, reference="seed", **STAFF)


def random_commands(seed: int, count: int) -> Iterator[Command]:
    """The listing, then `count` commands of all kinds; most are orders near one price."""
    rng = random.Random(seed)
    yield from listing()
    for index in range(count):
        yield random_command(rng, index)


def random_command(rng: random.Random, index: int) -> Command:
    account_id = rng.choice(ACCOUNTS)
    market = rng.choice(MARKETS)
    key = f"key-{rng.randrange(40)}" if rng.random() < 0.05 else None
    roll = rng.random()
    if roll < 0.75:
        return _random_order(rng, account_id, market, key)
    if roll < 0.90:
        if rng.random() < 0.5:
            return CancelOrder(account_id=account_id, market=market, client_id=rng.randrange(6))
        return CancelOrder(
            account_id=account_id, order_id=max(1, index * 6 // 10 - rng.randrange(30)), idempotency_key=key
        )
    if roll < 0.93:
        return CancelAllOrders(account_id=account_id, market=rng.choice([*MARKETS, None, "NO_PE"]))
    if roll < 0.96:
        state = rng.choice([*MarketState, *[MarketState.OPEN] * 25])
        return SetMarketState(market=market, state=state, **STAFF)
    if roll < 0.98:
        return SetMarketFees(
            market=market, maker_fee_ppm=rng.randrange(0, 5000), taker_fee_ppm=rng.randrange(0, 5000), **STAFF
        )
    return CreditAccount(
        account_id=account_id,
        asset=rng.choice(["SOL", "BTC", "USDC"]),
        units=rng.randrange(1, 300),
        reference="top-up",
        **STAFF,
    )


def _random_order(rng: random.Random, account_id: int, market: str, key: str | None) -> PlaceOrder:
    prevention = rng.choice(list(SelfTradePrevention))
    client_id = rng.randrange(6) if rng.random() < 0.3 else None
    common = {
        "account_id": account_id,
        "market": market,
        "side": rng.choice(list(Side)),
        "self_trade_prevention": prevention,
        "client_id": client_id,
        "idempotency_key": key,
    }
    if rng.random() < 0.2:
        by_quote = rng.random() < 0.5
        return PlaceOrder(
            order_type=OrderType.MARKET,
            quantity_lots=None if by_quote else rng.randrange(1, 30),
            quote_units=rng.randrange(1, 9000) if by_quote else None,
            **common,
        )
    return PlaceOrder(
        order_type=OrderType.LIMIT,
        price_ticks=100 + rng.randrange(-12, 13),
        quantity_lots=rng.randrange(1, 30),
        time_in_force=rng.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
        post_only=rng.random() < 0.1,
        **common,
    )


# ------------------------------------------------------------------------------------------------ the largest numbers

HUGE = ("BIG_USDC", "TINY_USDC")


def extreme_listing(rng: random.Random) -> Iterator[Command]:
    """Everything the venue can hold, in the hands of a few: one lot is one unit, or nearly all there is."""
    for symbol in ("BIG", "TINY", "USDC"):
        yield ListAsset(symbol=symbol, decimals=12, **STAFF)
        yield FundHouse(asset=symbol, units=MAX_INT, reference="seed", **STAFF)
        yield FundHouse(asset=symbol, units=1, reference="one too many", **STAFF)
    for symbol, lot in zip(HUGE, (MAX_INT // rng.choice([3, 7, 40]), 1), strict=True):
        base, quote = symbol.split("_")
        yield ListMarket(
            symbol=symbol,
            base=base,
            quote=quote,
            base_units_per_lot=lot,
            quote_units_per_tick_lot=rng.choice([1, 2, 2**20]),
            min_quantity_lots=1,
            max_open_orders=12,
            maker_fee_ppm=rng.choice([0, 1, 99_999, 100_000]),
            taker_fee_ppm=rng.choice([0, 1, 99_999, 100_000]),
            **STAFF,
        )
    for account_id in ACCOUNTS:
        for symbol in ("BIG", "TINY", "USDC"):
            yield CreditAccount(account_id=account_id, asset=symbol, units=MAX_INT // 4, reference="seed", **STAFF)


def extreme_commands(seed: int, count: int) -> Iterator[Command]:
    """Prices, quantities and amounts from one unit to beyond the largest, at every order of magnitude."""
    rng = random.Random(seed)
    yield from extreme_listing(rng)
    for _ in range(count):
        account_id, market = rng.choice(ACCOUNTS), rng.choice(HUGE)
        if rng.random() < 0.1:
            yield CancelAllOrders(account_id=account_id, market=market)
            continue
        kind = rng.random()
        common = {
            "account_id": account_id,
            "market": market,
            "side": rng.choice(list(Side)),
            "self_trade_prevention": rng.choice(list(SelfTradePrevention)),
        }
        if kind < 0.15:
            yield PlaceOrder(order_type=OrderType.MARKET, quantity_lots=_any_size(rng, market), **common)
        elif kind < 0.3:
            yield PlaceOrder(order_type=OrderType.MARKET, quote_units=_any_size(rng, ""), **common)
        else:
            lots = _any_size(rng, market)
            yield PlaceOrder(
                order_type=OrderType.LIMIT,
                price_ticks=max(
                    1, rng.choice([_any_size(rng, ""), MAX_INT // max(1, lots * rng.choice([1, 9, 2**22]))])
                ),
                quantity_lots=lots,
                time_in_force=rng.choice([*[TimeInForce.GTC] * 3, TimeInForce.IOC, TimeInForce.FOK]),
                **common,
            )


def _any_size(rng: random.Random, market: str) -> int:
    """One to 2^62 and a little beyond; mostly a few lots where a lot is nearly everything."""
    if market == "BIG_USDC" and rng.random() < 0.9:
        return rng.randrange(1, 9)
    return (1 << rng.randrange(0, 63)) + rng.randrange(-1, 2) or 1
