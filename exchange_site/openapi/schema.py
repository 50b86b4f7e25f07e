"""drf-spectacular's view of our routes: it finds them, the tables of this package say what they take and answer."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.signing.instructions import instruction_of
from exchange_site.kernel.api_view import PublicView
from exchange_site.openapi.about import ABOUT
from exchange_site.openapi.components import SCHEMAS
from exchange_site.openapi.operations import OPERATIONS, PUBLIC, TAGS, Operation
from exchange_site.openapi.parts import Schema, ref

SIGNING = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An Ed25519 public key in base64. X-Timestamp, X-Window and X-Signature go with it."
        " How to sign stands above.",
    },
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "Of a logged-in page, with the header X-CSRFToken where something changes. Ignored when a key "
        "is shown.",
    },
}
_LIMIT_HEADERS = {
    "X-RateLimit-Limit": {"schema": {"type": "integer"}, "description": "A minute."},
    "X-RateLimit-Remaining": {"schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"schema": {"type": "integer"}, "description": "Seconds until nothing is used any more."},
}
_ERRORS = {
    400: "The request is not valid.",
    401: "A header is missing, the key is unknown, or the signature does not fit.",
    403: "The key lacks the permission, or may not be used from this address.",
    404: "Not open, not yours, or no such thing.",
    408: "The body did not arrive in time.",
    409: "The idempotency key was used for another request.",
    413: "The body is larger than 64 KiB.",
    429: "Too many requests; Retry-After says when to come back.",
    501: "Known, but not supported.",
    503: "Not executed: the engine, its log, the database or the limits are away.",
    504: "No answer in time; the outcome is unknown.",
}
_IN_PATHS = {"symbol": "SOL_USDC", "order_id": "112233"}
_ALWAYS = (400, 429, 503)
_PRIVATE = (401, 403)
_WITH_BODY = (408, 413)


class OurSchema(AutoSchema):
    """Takes each operation from the table; a route that is not in it is not part of the public API."""

    def get_operation(self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any) -> Any:
        found = OPERATIONS.get((method.upper(), path))
        return None if found is None else operation_object(method, path, found)


def operation_object(method: str, path: str, known: Operation) -> dict[str, Any]:
    parameters = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string", "example": _IN_PATHS[name]}}
        for name in (part[1:-1] for part in path.split("/") if part.startswith("{"))
    ] + known.parameters
    found: dict[str, Any] = {
        "operationId": f"{method.lower()}_{path.strip('/').replace('/', '_').replace('{', '').replace('}', '')}",
        "summary": known.about,
        "tags": [known.tag],
        "security": [] if known.access == PUBLIC else [{"ApiKey": []}, {"Session": []}],
        "responses": _responses(path, known),
    }
    word = None if known.access == PUBLIC else instruction_of(method.upper(), path)
    if word is not None:
        found["description"] = f"Signs the instruction `{word}`."
    if parameters:
        found["parameters"] = parameters
    if known.body is not None:
        found["requestBody"] = known.body
    if known.deprecated:
        found["deprecated"] = True
    return found


def _responses(path: str, known: Operation) -> dict[str, Any]:
    failures = {*_ALWAYS, *known.also}
    if known.access != PUBLIC:
        failures |= {*_PRIVATE}
    if known.body is not None:
        failures |= {*_WITH_BODY}
    if "{" in path:
        failures.add(404)
    responses = {str(status): _failure(status) for status in sorted(failures)}
    good: dict[str, Any] = {"description": known.about, "headers": _LIMIT_HEADERS}
    if known.good >= 400:
        good = _failure(known.good)
    elif known.media:
        schema: Schema = known.answer if known.answer is not None else {"type": "string"}
        good["content"] = {known.media: {"schema": schema}}
    responses[str(known.good)] = good
    return responses


def _failure(status: int) -> dict[str, Any]:
    headers = {**_LIMIT_HEADERS}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds."}
    return {
        "description": _ERRORS[status],
        "headers": headers,
        "content": {"application/json": {"schema": ref("Error")}},
    }


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Drf-spectacular's last step: our named schemas and ways to prove who asks."""
    result.setdefault("components", {})
    result["components"]["schemas"] = SCHEMAS
    result["components"]["securitySchemes"] = SIGNING
    result["info"]["description"] = ABOUT
    result["tags"] = [{"name": name, "description": about} for name, about in TAGS.items()]
    return result


@lru_cache(maxsize=1)
def whole_schema() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


class SchemaView(PublicView):
    """OpenAPI 3.0 as JSON."""

    def get(self, request: Request) -> Response:
        return self.answer(whole_schema())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI, from our own files."""
    return render(request, "api/docs.html")
