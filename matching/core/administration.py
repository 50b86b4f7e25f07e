"""What staff does: list assets and markets, change their state, limits and fees, tier and block accounts, stop trading.

Each function refuses before it changes anything, and returns the reason or None.
"""

from matching.core import auction
from matching.core.aftermath import aftermath, reopened
from matching.core.balances import AssetBook
from matching.core.fees import PPM
from matching.core.markets import Limits, Market
from matching.core.schedule import set_timer
from matching.core.timers import AUCTION_END, Timer
from matching.core.venue import NEWEST_RULES, Venue
from matching.core.words import AUCTION, CANCEL_ONLY, CLOSED, OPEN
from matching.messages import (
    MAX_INT,
    AccountBlockChanged,
    AccountTierChanged,
    ActivateRules,
    AssetListed,
    Event,
    KillSwitchChanged,
    ListAsset,
    ListMarket,
    MarketFeesChanged,
    MarketLimitsChanged,
    MarketListed,
    MarketState,
    MarketStateChanged,
    RefusalReason,
    RulesActivated,
    SetAccountBlock,
    SetAccountTier,
    SetKillSwitch,
    SetMarketFees,
    SetMarketLimits,
    SetMarketState,
    TierFeesChanged,
)

MAX_DECIMALS = 12
MAX_TIER = 99
MAX_AUCTION_MS = 24 * 3600 * 1000
MAX_PPM = 1_000 * PPM


def list_asset(venue: Venue, cmd: ListAsset, events: list[Event]) -> RefusalReason | None:
    if cmd.symbol in venue.balances.assets:
        return RefusalReason.ALREADY_LISTED
    if not cmd.symbol or not 0 <= cmd.decimals <= MAX_DECIMALS:
        return RefusalReason.INVALID_PARAMETER
    venue.balances.assets[cmd.symbol] = AssetBook(cmd.symbol, cmd.decimals)
    events.append(AssetListed(symbol=cmd.symbol, decimals=cmd.decimals))
    return None


def list_market(venue: Venue, cmd: ListMarket, events: list[Event]) -> RefusalReason | None:
    if cmd.symbol in venue.markets:
        return RefusalReason.ALREADY_LISTED
    base, quote = venue.balances.assets.get(cmd.base), venue.balances.assets.get(cmd.quote)
    if base is None or quote is None:
        return RefusalReason.UNKNOWN_ASSET
    sizes = (cmd.base_units_per_lot, cmd.quote_units_per_tick_lot, cmd.min_quantity_lots, cmd.max_open_orders)
    if base is quote or not cmd.symbol or any(not 0 < size <= MAX_INT for size in sizes):
        return RefusalReason.INVALID_PARAMETER
    if not (0 <= cmd.maker_fee_ppm < PPM and 0 <= cmd.taker_fee_ppm < PPM):
        return RefusalReason.INVALID_PARAMETER
    market = Market(cmd.symbol, base, quote, venue.open_orders)
    market.base_units_per_lot = cmd.base_units_per_lot
    market.quote_units_per_tick_lot = cmd.quote_units_per_tick_lot
    market.set_limits(Limits(min_quantity_lots=cmd.min_quantity_lots, max_open_orders=cmd.max_open_orders))
    market.fee_version = 0
    market.set_fees(0, cmd.maker_fee_ppm, cmd.taker_fee_ppm)
    venue.markets[cmd.symbol] = market
    events.append(
        MarketListed(
            symbol=cmd.symbol,
            base=cmd.base,
            quote=cmd.quote,
            base_units_per_lot=cmd.base_units_per_lot,
            quote_units_per_tick_lot=cmd.quote_units_per_tick_lot,
            min_quantity_lots=cmd.min_quantity_lots,
            max_open_orders=cmd.max_open_orders,
            maker_fee_ppm=cmd.maker_fee_ppm,
            taker_fee_ppm=cmd.taker_fee_ppm,
        )
    )
    return None


# ------------------------------------------------------------------------------------------------------- market states


def set_market_state(venue: Venue, cmd: SetMarketState, events: list[Event]) -> RefusalReason | None:
    """A crossed book (an auction, or one that was halted) uncrosses when the market is to trade again."""
    market = venue.markets.get(cmd.market)
    if market is None:
        return RefusalReason.UNKNOWN_MARKET
    if cmd.state is AUCTION:
        if cmd.auction_ms is not None and not 0 < cmd.auction_ms <= MAX_AUCTION_MS:
            return RefusalReason.INVALID_PARAMETER
        if venue.rules_version < 2:
            return RefusalReason.RULES_NOT_ACTIVE
    elif cmd.auction_ms is not None:
        return RefusalReason.INVALID_PARAMETER
    trades_again = cmd.state not in (AUCTION, CANCEL_ONLY, CLOSED)
    if trades_again and _waits_to_uncross(market):
        if venue.is_halted:
            return RefusalReason.TRADING_HALTED
        change_state(venue, market, cmd.state, cmd.actor, cmd.reason, events)
        return None
    was_open = market.state is OPEN
    market.state = cmd.state
    market.auction_ends_at_ms = market.indicated = None
    events.append(MarketStateChanged(market=cmd.market, state=cmd.state, actor=cmd.actor, reason=cmd.reason))
    if cmd.state is AUCTION:
        auction.begin(venue, market, cmd.auction_ms, cmd.reason, events)
    elif cmd.state is OPEN and not was_open:
        reopened(venue, market, events)
    return None


def _waits_to_uncross(market: Market) -> bool:
    return market.state is AUCTION or auction.find_clearing(market) is not None


def change_state(
    venue: Venue, market: Market, state: MarketState, actor: str, reason: str, events: list[Event]
) -> None:
    """Uncross, then let the market trade on: its new state first fits what follows from the auction's trades."""
    prices = auction.uncross(venue, market, events)
    market.state = state
    events.append(MarketStateChanged(market=market.symbol, state=state, actor=actor, reason=reason))
    aftermath(venue, market, (prices[0], prices[-1]) if prices else None, events)
    if market.state is OPEN:
        reopened(venue, market, events)


def set_kill_switch(venue: Venue, cmd: SetKillSwitch, events: list[Event]) -> RefusalReason | None:
    if venue.rules_version < 2:
        return RefusalReason.RULES_NOT_ACTIVE
    venue.is_halted = cmd.engaged
    events.append(KillSwitchChanged(engaged=cmd.engaged, actor=cmd.actor, reason=cmd.reason))
    for market in venue.markets.values():
        if (
            market.auction_ends_at_ms is not None and not cmd.engaged
        ):  # Its end meant nothing while trading was stopped.
            market.auction_ends_at_ms = max(market.auction_ends_at_ms, venue.at_ms)
            set_timer(venue, Timer(market.auction_ends_at_ms, AUCTION_END, 0, market.symbol))
        if market.state is OPEN and not cmd.engaged:
            reopened(venue, market, events)
    return None


# -------------------------------------------------------------------------------------------------------- market rules


def set_market_limits(venue: Venue, cmd: SetMarketLimits, events: list[Event]) -> RefusalReason | None:
    market = venue.markets.get(cmd.market)
    if market is None:
        return RefusalReason.UNKNOWN_MARKET
    if venue.rules_version < 2:
        return RefusalReason.RULES_NOT_ACTIVE
    if not _limits_are_sane(cmd):
        return RefusalReason.INVALID_PARAMETER
    names = Limits.__dataclass_fields__
    market.set_limits(Limits(**{name: getattr(cmd, name) for name in names}))
    changed = {name: getattr(cmd, name) for name in names}
    events.append(MarketLimitsChanged(market=cmd.market, actor=cmd.actor, reason=cmd.reason, **changed))
    return None


def _limits_are_sane(cmd: SetMarketLimits) -> bool:
    if not (0 < cmd.min_quantity_lots <= MAX_INT and 0 < cmd.max_open_orders <= MAX_INT):
        return False
    if cmd.max_quantity_lots is not None and not cmd.min_quantity_lots <= cmd.max_quantity_lots <= MAX_INT:
        return False
    if not 0 <= cmd.min_notional_units <= MAX_INT or not 0 <= cmd.auction_ms <= MAX_AUCTION_MS:
        return False
    lower = (cmd.min_price_ppm, cmd.min_impact_ppm)
    upper = (cmd.max_price_ppm, cmd.max_impact_ppm)
    if any(ppm is not None and not 0 <= ppm <= PPM for ppm in lower):
        return False
    if any(ppm is not None and not PPM <= ppm <= MAX_PPM for ppm in upper):
        return False
    if cmd.band_ppm is not None and not 0 < cmd.band_ppm < PPM:
        return False
    return 0 < cmd.band_window_ms <= MAX_AUCTION_MS


def set_market_fees(venue: Venue, cmd: SetMarketFees, events: list[Event]) -> RefusalReason | None:
    market = venue.markets.get(cmd.market)
    if market is None:
        return RefusalReason.UNKNOWN_MARKET
    if not 0 <= cmd.tier <= MAX_TIER or not _fees_are_sane(market, cmd):
        return RefusalReason.INVALID_PARAMETER
    if venue.rules_version < 2 and (cmd.tier or cmd.maker_fee_ppm < 0):
        return RefusalReason.INVALID_PARAMETER
    market.set_fees(cmd.tier, cmd.maker_fee_ppm, cmd.taker_fee_ppm)
    if cmd.tier:
        events.append(
            TierFeesChanged(
                market=cmd.market,
                tier=cmd.tier,
                maker_fee_ppm=cmd.maker_fee_ppm,
                taker_fee_ppm=cmd.taker_fee_ppm,
                actor=cmd.actor,
                reason=cmd.reason,
            )
        )
        return None
    events.append(
        MarketFeesChanged(
            market=cmd.market,
            maker_fee_ppm=cmd.maker_fee_ppm,
            taker_fee_ppm=cmd.taker_fee_ppm,
            actor=cmd.actor,
            reason=cmd.reason,
        )
    )
    return None


def _fees_are_sane(market: Market, cmd: SetMarketFees) -> bool:
    """No fee of everything, and no rebate that some tier's taker fee would not pay for."""
    if not -PPM < cmd.maker_fee_ppm < PPM or not 0 <= cmd.taker_fee_ppm < PPM:
        return False
    fees = {**market.fees, cmd.tier: (cmd.maker_fee_ppm, cmd.taker_fee_ppm)}
    return min(maker for maker, _ in fees.values()) + min(taker for _, taker in fees.values()) >= 0


# ------------------------------------------------------------------------------------------------------------ accounts


def set_account_tier(venue: Venue, cmd: SetAccountTier, events: list[Event]) -> RefusalReason | None:
    if venue.rules_version < 2:
        return RefusalReason.RULES_NOT_ACTIVE
    if not 0 < cmd.account_id <= MAX_INT or not 0 <= cmd.tier <= MAX_TIER:
        return RefusalReason.INVALID_PARAMETER
    if cmd.tier:
        venue.tiers[cmd.account_id] = cmd.tier
    else:
        venue.tiers.pop(cmd.account_id, None)
    events.append(AccountTierChanged(account_id=cmd.account_id, tier=cmd.tier, actor=cmd.actor, reason=cmd.reason))
    return None


def set_account_block(venue: Venue, cmd: SetAccountBlock, events: list[Event]) -> RefusalReason | None:
    if venue.rules_version < 2:
        return RefusalReason.RULES_NOT_ACTIVE
    if not 0 < cmd.account_id <= MAX_INT:
        return RefusalReason.INVALID_PARAMETER
    if cmd.market is not None and cmd.market not in venue.markets:
        return RefusalReason.UNKNOWN_MARKET
    key = (cmd.account_id, cmd.market or "")
    if cmd.blocked:
        venue.blocks[key] = None
    else:
        venue.blocks.pop(key, None)
    events.append(
        AccountBlockChanged(
            account_id=cmd.account_id, market=cmd.market, blocked=cmd.blocked, actor=cmd.actor, reason=cmd.reason
        )
    )
    return None


def activate_rules(venue: Venue, cmd: ActivateRules, events: list[Event]) -> RefusalReason | None:
    """Only forward, and only to rules that this binary knows."""
    if not venue.rules_version < cmd.version <= NEWEST_RULES:
        return RefusalReason.INVALID_PARAMETER
    venue.rules_version = cmd.version
    events.append(RulesActivated(version=cmd.version, actor=cmd.actor, reason=cmd.reason))
    return None
