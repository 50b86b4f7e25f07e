"""Markets with a star: read, set, cleared. Setting what is set already is no error."""

from accounts.models import User
from accounts.site.models import Favourite
from marketdata.models import Market

MOST = 200  # Stars of one person.


class TooMany(Exception):
    """There are MOST stars already."""


def symbols_of(user: object) -> set[str]:
    """The symbols with a star; none for visitors."""
    if not getattr(user, "is_authenticated", False):
        return set()
    return set(Favourite.objects.filter(user_id=user.pk).values_list("market__symbol", flat=True))  # type: ignore[attr-defined]


def put(user: User, market: Market, wanted: bool) -> None:
    """Give the market a star or take it away. Raises TooMany."""
    if not wanted:
        Favourite.objects.filter(user=user, market=market).delete()
        return
    if Favourite.objects.filter(user=user).count() >= MOST:
        raise TooMany
    Favourite.objects.get_or_create(user=user, market=market)
