"""What log time does by itself: expires orders, fires dead man's switches, ends auctions. One outcome at a time."""

from matching.core import administration
from matching.core.aftermath import aftermath
from matching.core.cancelling import end_all, open_orders
from matching.core.ending import take_back
from matching.core.schedule import pop_due, set_timer
from matching.core.timers import CANCEL_AFTER, EXPIRY, Timer
from matching.core.venue import Venue
from matching.core.words import CLOSED, EXPIRED
from matching.messages import (
    MAX_INT,
    CancelAfter,
    CancelAfterSet,
    DeadlineReply,
    EndReason,
    Event,
    RefusalReason,
    Refused,
)

MAX_ENDED = 1_000  # Orders per outcome; what remains due follows in the next.
MIN_CANCEL_AFTER_MS, MAX_CANCEL_AFTER_MS = 1_000, 24 * 3600 * 1000


def fire_due(venue: Venue, events: list[Event]) -> None:
    """Do what is due at the venue's time, up to MAX_ENDED orders."""
    ended = 0
    while ended < MAX_ENDED:
        timer = pop_due(venue)
        if timer is None:
            return
        if timer.kind == EXPIRY:
            ended += _expire_order(venue, timer.number, events)
        elif timer.kind == CANCEL_AFTER:
            ended += _cancel_all_of(venue, timer, MAX_ENDED - ended, events)
        else:
            _end_auction(venue, timer.name, events)


def set_cancel_after(venue: Venue, cmd: CancelAfter, events: list[Event]) -> DeadlineReply | Refused:
    """Set an account's dead man's switch anew, or turn it off."""
    if venue.rules_version < 2:
        return Refused(reason=RefusalReason.RULES_NOT_ACTIVE)
    if not 0 < cmd.account_id <= MAX_INT:
        return Refused(reason=RefusalReason.INVALID_PARAMETER)
    deadline_ms = venue.at_ms + cmd.after_ms if cmd.after_ms else None
    if deadline_ms is None:
        venue.timers.deadlines.pop(cmd.account_id, None)
    elif not MIN_CANCEL_AFTER_MS <= cmd.after_ms <= MAX_CANCEL_AFTER_MS:
        return Refused(reason=RefusalReason.INVALID_PARAMETER)
    else:
        venue.timers.deadlines[cmd.account_id] = deadline_ms
        set_timer(venue, Timer(deadline_ms, CANCEL_AFTER, cmd.account_id, ""))
    events.append(CancelAfterSet(account_id=cmd.account_id, deadline_ms=deadline_ms))
    return DeadlineReply(deadline_ms=deadline_ms)


def _expire_order(venue: Venue, order_id: int, events: list[Event]) -> int:
    order = venue.open_orders[order_id]
    market = venue.markets[order.market]
    take_back(venue, market, order, EXPIRED, EndReason.GOOD_TILL_DATE, events)
    aftermath(venue, market, None, events)
    return 1


def _cancel_all_of(venue: Venue, timer: Timer, at_most: int, events: list[Event]) -> int:
    """Cancel up to `at_most` orders of the account; with more of them the switch stays due."""
    account_id, ended = timer.number, 0
    for market in venue.markets.values():
        if market.state is CLOSED:
            continue
        orders = open_orders(market, account_id)[: at_most - ended]
        ended += len(orders)
        if orders:
            end_all(venue, market, orders, EndReason.CANCEL_AFTER, events)
        if ended == at_most:
            venue.timers.add(timer)
            return ended
    del venue.timers.deadlines[account_id]
    events.append(CancelAfterSet(account_id=account_id, deadline_ms=None))
    return ended


def _end_auction(venue: Venue, symbol: str, events: list[Event]) -> None:
    market = venue.markets[symbol]
    administration.change_state(venue, market, market.resumes_in, "engine", "The auction has ended.", events)
