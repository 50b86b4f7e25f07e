"""What every DRF view of the API has in common. The fast lane answers the same bytes for the same values."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchange_site.kernel.fast_http import parse_query, single_values

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REPEATABLE = ("marketType", "marketType[]", "fillType")


class AlwaysJson(BaseContentNegotiation):
    """Whatever a client says it accepts: the API speaks JSON, in failures too."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "post", "patch", "delete", "head"]  # DRF's answer to OPTIONS describes our code.

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: which methods there are is told where one was wrong, and every reader gets the same form."""
        return {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A method that does not exist is refused before anybody is asked who they are."""
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        super().initial(request, *args, **kwargs)

    def query_pairs(self) -> list[tuple[str, str]]:
        """Raises ApiError."""
        return parse_query(self.request.META.get("QUERY_STRING", "").encode("latin-1", "replace"))

    def query(self) -> dict[str, str]:
        """Query parameters by name; one that occurs twice is refused. Raises ApiError."""
        return single_values(self.query_pairs(), REPEATABLE)

    def answer(self, value: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
        return Response(
            value,
            status=status,
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
        )


class PublicView(ApiView):
    """Anybody may ask; signatures and cookies are not even looked at."""

    authentication_classes = ()
    permission_classes = ()


class PrivateView(ApiView):
    """For a key with the permission to `scope`, or a session. `signature_optional`: it never shows anything."""

    scope = "read"
    write_scope: str | None = None  # What methods that change something demand, where that is something else.
    signature_optional = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        changes = request.method not in SAFE_METHODS
        request.user.demand(self.write_scope if changes and self.write_scope else self.scope)


PAGING_HEADERS = "X-TOTAL, X-PAGE-SIZE, X-CURRENT-PAGE, X-PAGE-COUNT"


def paging_headers(total: int, limit: int, offset: int) -> dict[str, str]:
    """`total` rows exist, `limit` a page, `offset` skipped."""
    return {
        "X-TOTAL": str(total),
        "X-PAGE-SIZE": str(limit),
        "X-CURRENT-PAGE": str(offset // limit + 1),
        "X-PAGE-COUNT": str(-(-total // limit)),
        "Access-Control-Expose-Headers": PAGING_HEADERS,
    }
