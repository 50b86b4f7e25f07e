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


_HISTORIES = (
    "borrowLend", "interest", "borrowLend/positions", "funding", "settlement", "dust", "rfq", "rfq/fill", "quote",
    "quote/fill", "strategies", "position", "pnl",
)  # fmt: skip

api: list[URLPattern] = [
    *(path(name, Nothing.as_view()) for name in ("position", "borrowLend/positions")),
    *(
        path(name, Unsupported.as_view())
        for name in ("borrowLend", "rfq", "rfq/accept", "rfq/refresh", "rfq/cancel", "rfq/quote", "strategy")
    ),
    path("account/convertDust", Unsupported.as_view()),
]
wapi: list[URLPattern] = [
    *(path(f"history/{name}", Nothing.as_view()) for name in _HISTORIES),
    path("capital/withdrawals/delay", NoContent.as_view()),
]


class Strategies(Nothing):
    def post(self, request: Request) -> NoReturn:
        raise ApiError(NOT_IMPLEMENTED)

    delete = post


api.append(path("strategies", Strategies.as_view()))
