"""JSON in and out of DRF, and every failure as the one error shape: `{"code": ..., "message": ...}`."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import bad_request as default_bad_request
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from exchange_site.kernel import strict_json
from exchange_site.kernel.errors import (
    FORBIDDEN,
    INVALID_CLIENT_REQUEST,
    MAINTENANCE,
    METHOD_NOT_ALLOWED,
    PAYLOAD_TOO_LARGE,
    RESOURCE_NOT_FOUND,
    SERVER_ERROR,
    UNAUTHORIZED,
    ApiError,
)
from exchange_site.kernel.fast_http import encode_json

log = logging.getLogger(__name__)


class StrictJSONParser(BaseParser):
    """Any content type is read as JSON; numbers keep their digits (`kernel.strict_json`)."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(settings.API_MAX_BODY_BYTES + 1)
        if len(body) > settings.API_MAX_BODY_BYTES:
            raise ApiError(PAYLOAD_TOO_LARGE)
        try:
            return strict_json.loads(body)
        except strict_json.InvalidJson as error:
            raise ApiError(INVALID_CLIENT_REQUEST, str(error)) from None


class ExactJSONRenderer(BaseRenderer):
    """Compact JSON. Decimals become plain text; a float is a bug and fails."""

    media_type = "application/json"
    format = "json"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else encode_json(exact(data))


def exact(value: Any) -> Any:
    """The value with decimals as plain text. Raises TypeError for a float: no amount may have been one."""
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, Mapping):
        return {key: exact(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [exact(member) for member in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


def error_of(error: Exception) -> ApiError:
    """Any failure as what its client may know of it; one that is a bug is logged here."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Http404 | exceptions.NotFound):
        return ApiError(RESOURCE_NOT_FOUND)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return ApiError(UNAUTHORIZED)
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return ApiError(FORBIDDEN)
    if isinstance(error, exceptions.MethodNotAllowed):
        return ApiError(METHOD_NOT_ALLOWED)
    if isinstance(error, RequestDataTooBig):
        return ApiError(PAYLOAD_TOO_LARGE)
    if isinstance(error, DisallowedHost):
        return ApiError(INVALID_CLIENT_REQUEST, "Unknown Host header")
    if isinstance(error, exceptions.APIException | SuspiciousOperation):
        return ApiError(INVALID_CLIENT_REQUEST)
    if isinstance(error, DatabaseError):
        log.error("The database is away.", exc_info=error)
        message = "The database is not reachable; nothing was executed"
        return ApiError(MAINTENANCE, message, {"executed": False}, {"Retry-After": "1"})
    log.error("An API request failed.", exc_info=error)
    return ApiError(SERVER_ERROR)


def as_api_error(error: Exception, context: Any) -> Response:
    """DRF's exception handler."""
    found = error_of(error)
    view = context.get("view")
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **found.headers}
    if found.kind is METHOD_NOT_ALLOWED and view is not None:
        headers["Allow"] = ", ".join(sorted(view.allowed_methods))
    answer = Response(found.body(), status=found.status, headers=headers)
    # What is a fault has been logged above; Django would call every 501 and 503 one, and anybody could fill the log.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def plain_response(error: ApiError) -> HttpResponse:
    """The same body outside DRF: unknown paths, and failures before a view was found."""
    return HttpResponse(
        encode_json(error.body()),
        status=error.status,
        content_type="application/json; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **error.headers},
    )


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/api/", "/wapi/"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for what is refused before a view is found, such as an unknown Host header."""
    if is_api(request):
        return plain_response(error_of(exception))
    return default_bad_request(request, exception)


def not_found(_request: HttpRequest, *_args: str, **_kwargs: str) -> HttpResponse:
    """The last URL below /api and /wapi."""
    return plain_response(ApiError(RESOURCE_NOT_FOUND))


not_found.csrf_exempt = True  # type: ignore[attr-defined]  # Nothing happens here, and a 403 page would not be JSON.
