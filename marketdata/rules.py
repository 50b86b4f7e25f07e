"""Staff decisions about what markets take, what they cost, and the kill switch. All become commands of the engine.

Whatever stops or restricts takes one person. What lets trading go on again goes through `marketdata.wishes` and takes
two.
"""

import time
from typing import Any

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import wishes
from marketdata.limits import (
    MAX_SECONDS_MS,
    InvalidLimit,
    LimitsText,
    fee_ppm,
    limits_for_engine,
    limits_in_force,
    percent,
)
from marketdata.models import FeeSchedule, Market, StaffWish
from marketdata.staff_acts import By, decide, new_key, note
from matching.client.blocking import engine_position
from matching.messages import MarketState, SetKillSwitch, SetMarketFees, SetMarketLimits, SetMarketState

MAX_TIER = 99
CHANGE_MARKET, STOP_VENUE = "marketdata.change_market", "marketdata.stop_venue"
VENUE = "venue"
DATABASE_WITHIN_S = 2.0
SHUT = frozenset({MarketState.CANCEL_ONLY, MarketState.CLOSED})
OPEN_MARKET, RELEASE_VENUE = "market.open", "venue.release"


# ------------------------------------------------------------------------------------------------------ market states


def set_market_state(market: Market, state: MarketState, by: By, *, auction_ms: int | None = None) -> int | StaffWish:
    """Restrict, halt or close a market, or hold an auction: the outcome number of the change.

    Where it would let a halted or closed market trade again, the wish for it (which may be done already). `auction_ms`
    is the length of an auction, None: until staff ends it. Raises ApiError.
    """
    by = by.checked()
    if auction_ms is not None and (state is not MarketState.AUCTION or not 0 < auction_ms <= MAX_SECONDS_MS):
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "Only an auction has a length, of at most a day")
    subject = f"market {market.symbol}"
    if state in SHUT:
        wishes.stopped(subject)
    elif _is_shut(market):
        payload = {"market": market.symbol, "state": state.value, "auction_ms": auction_ms}
        return wishes.ask(OPEN_MARKET, subject, _in_words(market.symbol, state, auction_ms), payload, by)
    command = _state_command(market.symbol, state, auction_ms, by, new_key())
    return decide(command, by, "market.state", f"{market.symbol}: {state}")


def _is_shut(market: Market) -> bool:
    """Whether the market is halted or closed, or may be: a halt that the database has not written yet counts too."""
    knows = _database_knows_all()
    market.refresh_from_db(fields=["state"])
    return not knows or market.state in SHUT


def _database_knows_all() -> bool:
    """Whether the database has, within a moment, everything that the engine has published by now."""
    wanted = int(engine_position().get("n", "0"))
    deadline = time.monotonic() + DATABASE_WITHIN_S
    while int(engine_position().get("db_n", "0")) < wanted:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _in_words(symbol: str, state: MarketState, auction_ms: int | None) -> str:
    if state is not MarketState.AUCTION:
        return f"{symbol}: reopen as {state}"
    length = "until staff ends it" if auction_ms is None else f"of {auction_ms / 1000:g} s"
    return f"{symbol}: reopen with an auction {length}"


def _state_command(symbol: str, state: MarketState, auction_ms: int | None, by: By, key: str) -> SetMarketState:
    return SetMarketState(market=symbol, state=state, auction_ms=auction_ms, idempotency_key=key, **by.names())


def _reopen(payload: dict[str, Any], by: By, key: str) -> int:
    symbol, state = payload["market"], MarketState(payload["state"])
    command = _state_command(symbol, state, payload["auction_ms"], by, key)
    return decide(command, by, "market.state", f"{symbol}: {state}")


# ------------------------------------------------------------------------------------------------------ market rules


def set_market_limits(market: Market, text: LimitsText, by: By) -> int:
    """Replace all limits of a market; the outcome number of the change. Raises ApiError, InvalidLimit with a field."""
    by = by.checked()
    numbers = limits_for_engine(market, text)
    changes = text.differs_from(limits_in_force(market))
    command = SetMarketLimits(market=market.symbol, idempotency_key=new_key(), **numbers, **by.names())
    for change in changes:
        note(by, "market.limits.change", f"{market.symbol}: {change}", command.idempotency_key or "")
    return decide(command, by, "market.limits", f"{market.symbol}: {len(changes)} changed")


def fees_in_force(market: Market) -> dict[int, tuple[int, int]]:
    """Maker and taker fee in parts per million by tier, as the engine last said; tier 0 is everybody else."""
    newest: dict[int, tuple[int, int]] = {0: (market.maker_fee_ppm, market.taker_fee_ppm)}
    for row in FeeSchedule.objects.filter(market=market).order_by("seq"):
        newest[row.tier] = (row.maker_fee_ppm, row.taker_fee_ppm)
    return dict(sorted(newest.items()))


def set_market_fees(market: Market, maker_percent: str, taker_percent: str, by: By, *, tier: int = 0) -> int:
    """New fees of a tier for orders accepted from then on; the outcome number of the change. Raises ApiError.

    A maker's fee below zero is a rebate; no tier's taker fee may be smaller than any tier's rebate.
    """
    by = by.checked()
    if not 0 <= tier <= MAX_TIER:
        raise InvalidLimit("tier", f"A tier is 0 to {MAX_TIER}")
    maker = fee_ppm(maker_percent, "maker_percent", rebate=True)
    taker = fee_ppm(taker_percent, "taker_percent", rebate=False)
    fees = {**fees_in_force(market), tier: (maker, taker)}
    rebate, pays = min(fee for fee, _ in fees.values()), min(fee for _, fee in fees.values())
    if rebate + pays < 0:
        message = f"A rebate of {percent(-rebate)} percent is more than the smallest taker fee, {percent(pays)} percent"
        raise InvalidLimit("maker_percent", message)
    command = SetMarketFees(
        market=market.symbol,
        tier=tier,
        maker_fee_ppm=maker,
        taker_fee_ppm=taker,
        idempotency_key=new_key(),
        **by.names(),
    )
    subject = f"{market.symbol}: tier {tier}, maker {maker} ppm, taker {taker} ppm"
    return decide(command, by, "market.fees", subject)


# ------------------------------------------------------------------------------------------------------- kill switch


def stop_venue(by: By) -> int:
    """Engage the kill switch: from its outcome on nothing trades. One person is enough. Raises ApiError."""
    by = by.checked()
    wishes.stopped(VENUE)
    command = SetKillSwitch(engaged=True, idempotency_key=new_key(), **by.names())
    return decide(command, by, "venue.stop", "all trading")


def ask_to_release_venue(by: By) -> StaffWish:
    """Ask to allow trading again. Raises ApiError."""
    return wishes.ask(RELEASE_VENUE, VENUE, "Release the kill switch: allow trading again", {}, by)


def _release(_payload: dict[str, Any], by: By, key: str) -> int:
    command = SetKillSwitch(engaged=False, idempotency_key=key, **by.names())
    return decide(command, by, "venue.release", "all trading")


wishes.act(OPEN_MARKET, "Reopen a market", CHANGE_MARKET, "market.open", _reopen)
wishes.act(RELEASE_VENUE, "Release the kill switch", STOP_VENUE, "venue.release", _release)
