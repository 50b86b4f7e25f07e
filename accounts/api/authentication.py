"""Authentication in DRF: a signed key if one is shown, else the browser's session with Django's CSRF check."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.api import proof
from accounts.api.limits import count_request
from accounts.api.replay import demand_first_use
from accounts.principal import Principal
from accounts.signing import key_store
from accounts.signing.instructions import instruction_of
from accounts.signing.verify import Signed, check_signature, request_groups, signed_headers, usable
from exchange_site.kernel import rate_limits
from exchange_site.kernel.errors import INVALID_SIGNATURE, ApiError
from exchange_site.kernel.fast_http import parse_query


class SessionOrKey(BaseAuthentication):
    """`request.user` is a Principal. Raises ApiError in the order of checks the public API names."""

    def authenticate(self, request: Request) -> tuple[Principal, Signed | None] | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed: Signed | None = None
        if proof.shows_key(headers):
            signed = signed_headers(headers)
            principal = self._of_key(request, signed)
        else:
            user = request._request.user
            if not user.is_authenticated:
                return None
            principal = proof.principal_of_user(user)
            if request.method not in proof.SAFE_METHODS:
                proof.check_csrf(request._request)
        _count(request, principal)
        return principal, signed

    def _of_key(self, request: Request, signed: Signed) -> Principal:
        fresh, key = key_store.store.cached(signed.public_key)
        known = usable(key if fresh else key_store.store.load(signed.public_key))
        signed.check_time()
        method, path = request.method or "", request._request.path_info
        instruction = instruction_of(method, path)
        if instruction is not None:
            body = proof.signable_body(method, request._request.body)
            query = parse_query(request.META.get("QUERY_STRING", "").encode("latin-1", "replace"))
            check_signature(known.public_key, signed, request_groups(instruction, query, body))
            demand_first_use(method, path, signed)
        elif not _view_of(request).signature_optional:
            raise ApiError(INVALID_SIGNATURE)
        known.demand_address(request.META.get("asgi.scope", {}))
        if key_store.due_for_noting(known) and known.principal.key_id is not None:
            key_store.note_use(known.principal.key_id)
        return known.principal

    def authenticate_header(self, request: Request) -> str:
        return "Signature"


def _count(request: Request, principal: Principal) -> None:
    """Raises ApiError when the account has asked too much, or nobody can count while something would change."""
    count_request(request.META.get("asgi.scope", {}), principal, request._request.path_info, body_of(request))
    limiter = rate_limits.current()
    if request.method not in proof.SAFE_METHODS and limiter is not None:
        limiter.demand_store_threadsafe()


def body_of(request: Request) -> Any:
    """The parsed JSON body, None where there is none; numbers keep their digits. Raises ApiError."""
    return proof.parsed_body(request.method or "", request._request.body)


def _view_of(request: Request) -> Any:
    return request.parser_context["view"]
