"""Staff before a venue as it runs: real engine core, real event stream, real db writer; only the wire is shorter."""

import threading
from typing import Any

import pytest

from accounts.models import Account, AuditEntry, User
from marketdata import halt, wishes
from marketdata.models import Market, StaffWish
from marketdata.staff_acts import By
from matching import messages as m
from matching.tests.flows import listing
from trading.tests.writer.conftest import impatient, log, published, rows, venue_accounts, writers

__all__ = ["impatient", "log", "published", "rows", "venue_accounts", "writers"]


class Venue:
    """What the tests ask of the venue, in their own words."""

    def __init__(self, published: Any, writers: Any) -> None:
        self.published = published
        self.writers = writers
        self.broken: Exception | None = None  # Raised instead of sending.
        self.sent: list[Any] = []
        self._one_at_a_time = threading.Lock()

    def send(self, commands: list[Any], timeout_s: float = 10) -> list[m.Answer]:
        with self._one_at_a_time:
            if self.broken is not None:
                raise self.broken
            self.sent += commands
            self.published.run(commands)
            self.writers.run(self.published.engine.n)
            return self.published.answers

    @property
    def core(self) -> Any:
        return self.published.engine.venue

    def state(self, symbol: str = "SOL_USDC") -> str:
        return str(self.core.markets[symbol].state)

    def order(self, account_id: int = 1001, side: m.Side = m.Side.BID, price_ticks: int = 100, **more: Any) -> Any:
        order = m.PlaceOrder(
            account_id=account_id, market="SOL_USDC", side=side, order_type=m.OrderType.LIMIT,
            price_ticks=price_ticks, quantity_lots=1, **more,
        )  # fmt: skip
        return self.send([order])[0].reply

    @staticmethod
    def market(symbol: str = "SOL_USDC") -> Market:
        return Market.objects.select_related("base", "quote").get(symbol=symbol)

    @staticmethod
    def acts() -> list[str]:
        """The actions on record, oldest first."""
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))

    @staticmethod
    def wish() -> StaffWish:
        return StaffWish.objects.latest("pk")

    @staticmethod
    def approve(by: By) -> StaffWish:
        return wishes.approve(StaffWish.objects.latest("pk").pk, by)


@pytest.fixture
def venue(rows, published, writers, monkeypatch):
    venue = Venue(published, writers)
    monkeypatch.setattr("matching.client.blocking.send_many", venue.send)
    venue.send(list(listing()))
    venue.sent.clear()
    halt.forget()
    yield venue
    halt.forget()


@pytest.fixture
def eve(rows) -> User:
    return User.objects.create_superuser("eve@example.org", "correct horse battery")


@pytest.fixture
def mallory(rows) -> User:
    return User.objects.create_superuser("mallory@example.org", "correct horse battery")


@pytest.fixture
def alice(rows) -> Account:
    return Account.objects.select_related("user").get(pk=1001)
