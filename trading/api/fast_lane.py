"""Order entry on the fast lane: the plumbing around `order_entry`, without Django."""

from accounts.api.fast_auth import authenticated
from exchange_site.kernel.fast_http import Handler, Request, Response, Routes, json_response
from trading import inputs
from trading.api.members import members_of
from trading.api.order_entry import ENTRIES, SCOPE, Entry


def _handler(entry: Entry) -> Handler:
    async def handle(request: Request) -> Response:
        principal, body = await authenticated(request)
        principal.demand(SCOPE)
        key = inputs.idempotency_key(request.headers.get("idempotency-key"))
        entered = await entry(principal, members_of(request.method, request.query(), body), key)
        return json_response(entered.value, headers=entered.headers)

    return handle


ROUTES: Routes = {
    path: {method: _handler(entry) for method, entry in methods.items()} for path, methods in ENTRIES.items()
}
