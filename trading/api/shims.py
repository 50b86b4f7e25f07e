"""Routes of products that are not ours (yet), which clients call nevertheless: minimal honest answers."""

from typing import NoReturn

from django.http import HttpResponse
from django.urls import URLPattern, path
from rest_framework.request import Request
from rest_framework.response import Response

from exchange_site.kernel.api_view import PrivateView
from exchange_site.kernel.errors import NOT_IMPLEMENTED, ApiError


class Nothing(PrivateView):
    """Never shows anything, so a key is enough; clients do not agree on what to sign here."""

    signature_optional = True

    def get(self, request: Request) -> Response:
        return self.answer([])


class NoContent(PrivateView):
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(
            status=204, content_type="application/json; charset=utf-8", headers={"Cache-Control": "no-store"}
        )

    def post(self, request: Request) -> NoReturn:
        raise ApiError(NOT_IMPLEMENTED)

    patch = post


class Unsupported(PrivateView):
    signature_optional = True

    def get(self, request: Request) -> NoReturn:
        raise ApiError(NOT_IMPLEMENTED)

    post = get
    delete = get


class Strategies(Nothing):
    def post(self, request: Request) -> NoReturn:
        raise ApiError(NOT_IMPLEMENTED)

    delete = post


EMPTY_LISTS = ("position", "borrowLend/positions", "rfqs")
EMPTY_HISTORIES = (
    "borrowLend", "interest", "borrowLend/positions", "funding", "settlement", "dust", "rfq", "rfq/fill", "quote",
    "quote/fill", "strategies", "position", "pnl",
)  # fmt: skip
UNSUPPORTED = (
    "borrowLend", "rfq", "rfq/accept", "rfq/refresh", "rfq/cancel", "rfq/quote", "strategy", "account/convertDust",
)  # fmt: skip

api: list[URLPattern] = [
    *(path(name, Nothing.as_view()) for name in EMPTY_LISTS),
    *(path(name, Unsupported.as_view()) for name in UNSUPPORTED),
    path("strategies", Strategies.as_view()),
]
wapi: list[URLPattern] = [
    *(path(f"history/{name}", Nothing.as_view()) for name in EMPTY_HISTORIES),
    path("capital/withdrawals/delay", NoContent.as_view()),
]
