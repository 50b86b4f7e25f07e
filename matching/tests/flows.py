"""Seeded random command flows over two markets and a handful of accounts, for replay and property tests."""

import random
from collections.abc import Iterator

from matching.messages import (
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
