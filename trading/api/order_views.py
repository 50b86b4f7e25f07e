"""Order entry through Django and DRF: the plumbing around `order_entry` for whoever does not take the fast lane."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import body_of
from exchange_site.kernel.api_view import PrivateView
from exchange_site.kernel.event_loop import from_thread
from trading import inputs
from trading.api import order_entry
from trading.api.members import members_of
from trading.api.views import OneOrder, OpenOrders


def _enter(view: PrivateView, request: Request, entry: order_entry.Entry) -> order_entry.Entered:
    key = inputs.idempotency_key(request.headers.get("Idempotency-Key"))
    members = members_of(request.method or "", view.query_pairs(), body_of(request))
    return from_thread(entry(request.user, members, key))


class Order(OneOrder):
    write_scope = order_entry.SCOPE

    def post(self, request: Request) -> Response:
        entered = _enter(self, request, order_entry.place)
        return self.answer(entered.value, entered.headers)

    def patch(self, request: Request) -> Response:
        entered = _enter(self, request, order_entry.amend)
        return self.answer(entered.value, entered.headers)

    def delete(self, request: Request) -> Response:
        entered = _enter(self, request, order_entry.cancel)
        return self.answer(entered.value, entered.headers)


class Orders(OpenOrders):
    write_scope = order_entry.SCOPE

    def post(self, request: Request) -> Response:
        entered = _enter(self, request, order_entry.place_batch)
        return self.answer(entered.value, entered.headers)

    def delete(self, request: Request) -> Response:
        entered = _enter(self, request, order_entry.cancel_all)
        return self.answer(entered.value, entered.headers)


class OneCancelsOther(PrivateView):
    write_scope = order_entry.SCOPE

    def post(self, request: Request) -> Response:
        entered = _enter(self, request, order_entry.place_oco)
        return self.answer(entered.value, entered.headers)


class CancelAfter(PrivateView):
    write_scope = order_entry.SCOPE

    def post(self, request: Request) -> Response:
        entered = _enter(self, request, order_entry.cancel_after)
        return self.answer(entered.value, entered.headers)
