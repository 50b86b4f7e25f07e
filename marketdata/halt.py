"""Whether all trading is stopped, by whom and why: what the kill switch means to everybody who only looks.

Where that is written down is the business of the projection (`trading.venue`), which says so with `tell_from`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import Error as DatabaseError
from django.utils import timezone
from django.utils.translation import gettext

from exchange_site.kernel.db_threads import in_db_thread

KEPT_S = 0.5  # For questions that come by the thousand.
ANSWER_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Halt:
    since: datetime
    actor: str
    reason: str

    @property
    def sentence(self) -> str:
        """For traders. Staff is named by the part of its address before the @."""
        stopped = gettext("All trading is stopped{since}. Open orders stay; you can cancel them.")
        return stopped.format(since=since(self.since) + by(self.actor)) + because(self.reason)


Source = Callable[[], Halt | None]
_source: Source = lambda: None  # noqa: E731 - nothing projects the kill switch yet.
_kept: tuple[float, Halt | None] = (0.0, None)


def tell_from(source: Source) -> None:
    """From now on `source` knows. It asks the database."""
    global _source
    _source = source


def current() -> Halt | None:
    """Asked anew each time."""
    return _source()


async def recent() -> Halt | None:
    """As of the last half second; while the database is away, what was known last."""
    global _kept
    asked_at, known = _kept
    if time.monotonic() - asked_at < KEPT_S:
        return known
    _kept = (time.monotonic(), known)  # Whoever comes while we ask is content with the old answer.
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            known = await in_db_thread(_source)
    except (DatabaseError, TimeoutError):
        pass  # Whether orders are taken is the engine's answer; only its reason is missing now.
    _kept = (time.monotonic(), known)
    return known


def forget() -> None:
    """Ask again at once; for tests."""
    global _kept
    _kept = (0.0, None)


# -------------------------------------------------------------------------------------------- parts of such sentences


def since(moment: datetime | None) -> str:
    """` since 14:05` today, ` since 20 Nov 14:05` before, in UTC; nothing where the moment is not known."""
    if moment is None:
        return ""
    day = "" if moment.date() == timezone.now().date() else f"{moment.day} {moment.strftime('%b')} "
    return gettext(" since {moment}").format(moment=f"{day}{moment.strftime('%H:%M')}")


def by(actor: str) -> str:
    """` by eve` for eve@example.org; nothing where nobody is named. Addresses of staff are not for everybody."""
    name = actor.partition("@")[0].strip()
    return gettext(" by {name}").format(name=name) if name else ""


def because(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        return ""
    return gettext(" Reason: {reason}").format(reason=reason if reason[-1] in ".!?" else f"{reason}.")
