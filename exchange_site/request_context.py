"""The request's id in Django's threads: in log lines and in the audit log."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from exchange_site.kernel import log_context


class RequestContext:
    """Middleware, the first of all. The id is the one the ASGI application gave, or new where Django runs alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        scope = request.META.get("asgi.scope") or {}
        request_id = scope.get("request_id") or log_context.new_request_id()
        with log_context.also(request_id=request_id):
            return self._get_response(request)
