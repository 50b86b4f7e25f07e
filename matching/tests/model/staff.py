"""What staff may do: list assets and markets, set states, limits, fees, tiers, blocks and the kill switch."""

from matching.messages import (
    MAX_INT,
    AccountBlockChanged,
    AccountTierChanged,
    AssetListed,
    AuctionStarted,
    Done,
    KillSwitchChanged,
    ListAsset,
    ListMarket,
    MarketFeesChanged,
    MarketLimitsChanged,
    MarketListed,
    MarketState,
    MarketStateChanged,
    RefusalReason,
    SetAccountBlock,
    SetAccountTier,
    SetKillSwitch,
    SetMarketFees,
    SetMarketLimits,
    SetMarketState,
    TierFeesChanged,
)
from matching.tests.model.auction import open_market
from matching.tests.model.checks import refuse_if
from matching.tests.model.matching import TRADING
from matching.tests.model.placing import known_market
from matching.tests.model.records import Limits, Market

R = RefusalReason
WHOLE = 1_000_000
DAY_MS = 86_400_000
MOST_TIERS = 100
LIMIT_NAMES = (
    "min_quantity_lots",
    "max_quantity_lots",
    "min_notional_units",
    "max_open_orders",
    "min_price_ppm",
    "max_price_ppm",
    "min_impact_ppm",
    "max_impact_ppm",
    "band_ppm",
    "band_window_ms",
    "auction_ms",
)


def list_asset(model, cmd: ListAsset) -> Done:
    refuse_if(cmd.symbol in model.money.assets, R.ALREADY_LISTED)
    model.money.assets.append(cmd.symbol)
    model.events.append(AssetListed(symbol=cmd.symbol, decimals=cmd.decimals))
    return Done()


def list_market(model, cmd: ListMarket) -> Done:
    refuse_if(cmd.symbol in model.markets, R.ALREADY_LISTED)
    refuse_if(cmd.base not in model.money.assets or cmd.quote not in model.money.assets, R.UNKNOWN_ASSET)
    fees = {0: (cmd.maker_fee_ppm, cmd.taker_fee_ppm)}
    model.markets[cmd.symbol] = Market(cmd, Limits(cmd.min_quantity_lots, cmd.max_open_orders), fees)
    members = {name: getattr(cmd, name) for name in MarketListed.__struct_fields__}
    model.events.append(MarketListed(**members))
    return Done()


def set_state(model, cmd: SetMarketState) -> Done:
    market = known_market(model, cmd.market)
    if cmd.auction_ms is not None:
        right = cmd.state is MarketState.AUCTION and 1 <= cmd.auction_ms <= DAY_MS
        refuse_if(not right, R.INVALID_PARAMETER)
    if cmd.state in TRADING:
        uncrosses = market.state is MarketState.AUCTION or market.is_crossed()
        refuse_if(model.killed and uncrosses, R.TRADING_HALTED)
        open_market(model, market, cmd.state, cmd.actor, cmd.reason)
        return Done()
    if cmd.state is MarketState.AUCTION:
        start_auction(model, market, cmd.auction_ms, cmd.actor, cmd.reason)
        return Done()
    change_state(model, market, cmd.state, cmd.actor, cmd.reason)
    return Done()


def change_state(model, market: Market, state: MarketState, actor: str, reason: str) -> None:
    market.state, market.auction_ends_at_ms, market.indicated = state, None, None
    model.events.append(MarketStateChanged(market=market.symbol, state=state, actor=actor, reason=reason))


def start_auction(model, market: Market, auction_ms: int | None, actor: str = "", reason: str = "") -> None:
    # After an interruption (nobody asked for it) the market goes on as it was, else it opens.
    market.resumes_in = MarketState.OPEN if actor else market.state
    change_state(model, market, MarketState.AUCTION, actor, reason)
    market.auction_ends_at_ms = None if auction_ms is None else model.now + auction_ms
    model.events.append(AuctionStarted(market=market.symbol, ends_at_ms=market.auction_ends_at_ms, reason=reason))
    model.indicate(market)


def set_limits(model, cmd: SetMarketLimits) -> Done:
    market = known_market(model, cmd.market)
    allowed = (
        (cmd.min_quantity_lots, 1, MAX_INT),
        (cmd.max_quantity_lots, cmd.min_quantity_lots, MAX_INT),
        (cmd.min_notional_units, 0, MAX_INT),
        (cmd.max_open_orders, 1, MAX_INT),
        (cmd.min_price_ppm, 0, WHOLE),
        (cmd.min_impact_ppm, 0, WHOLE),
        (cmd.max_price_ppm, WHOLE, 1_000 * WHOLE),
        (cmd.max_impact_ppm, WHOLE, 1_000 * WHOLE),
        (cmd.band_ppm, 1, WHOLE - 1),
        (cmd.band_window_ms, 1, DAY_MS),
        (cmd.auction_ms, 0, DAY_MS),
    )
    for number, least, most in allowed:
        refuse_if(number is not None and not least <= number <= most, R.INVALID_PARAMETER)
    limits = {name: getattr(cmd, name) for name in LIMIT_NAMES}
    market.limits = Limits(**limits)
    market.reference_price = None
    model.events.append(MarketLimitsChanged(market=cmd.market, actor=cmd.actor, reason=cmd.reason, **limits))
    return Done()


def set_fees(model, cmd: SetMarketFees) -> Done:
    market = known_market(model, cmd.market)
    fees = {**market.fees, cmd.tier: (cmd.maker_fee_ppm, cmd.taker_fee_ppm)}
    refuse_if(not 0 <= cmd.tier < MOST_TIERS, R.INVALID_PARAMETER)
    refuse_if(cmd.taker_fee_ppm < 0 or max(cmd.maker_fee_ppm, cmd.taker_fee_ppm) >= WHOLE, R.INVALID_PARAMETER)
    smallest = min(taker for _maker, taker in fees.values())
    refuse_if(any(-maker > smallest for maker, _taker in fees.values()), R.INVALID_PARAMETER)
    market.fees = fees
    market.fee_version += 1
    rates = {"maker_fee_ppm": cmd.maker_fee_ppm, "taker_fee_ppm": cmd.taker_fee_ppm}
    who = {"market": cmd.market, "actor": cmd.actor, "reason": cmd.reason}
    tiered = TierFeesChanged(tier=cmd.tier, **rates, **who)
    model.events.append(tiered if cmd.tier else MarketFeesChanged(**rates, **who))
    return Done()


def set_tier(model, cmd: SetAccountTier) -> Done:
    refuse_if(not 0 <= cmd.tier < MOST_TIERS, R.INVALID_PARAMETER)
    model.tiers[cmd.account_id] = cmd.tier
    model.events.append(
        AccountTierChanged(account_id=cmd.account_id, tier=cmd.tier, actor=cmd.actor, reason=cmd.reason)
    )
    return Done()


def set_block(model, cmd: SetAccountBlock) -> Done:
    if cmd.market is not None:
        known_market(model, cmd.market)
    model.blocks.discard((cmd.account_id, cmd.market))
    if cmd.blocked:
        model.blocks.add((cmd.account_id, cmd.market))
    model.events.append(
        AccountBlockChanged(
            account_id=cmd.account_id, market=cmd.market, blocked=cmd.blocked, actor=cmd.actor, reason=cmd.reason
        )
    )
    return Done()


def set_kill_switch(model, cmd: SetKillSwitch) -> Done:
    model.killed = cmd.engaged
    model.events.append(KillSwitchChanged(engaged=cmd.engaged, actor=cmd.actor, reason=cmd.reason))
    if not cmd.engaged:
        model.release_held()
    return Done()
