"""What a request that changes something asks for: the members of its body.

Some clients send a `DELETE` without a body and put its members into the query, where they are signed all the same.
"""

from typing import Any

from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from exchange_site.kernel.fast_http import single_values

Pairs = list[tuple[str, str]]


def members_of(method: str, query: Pairs, body: Any) -> Any:
    """The parsed body, or the query of a `DELETE` that has none.

    Raises ApiError where a member stands in both: two readers could take different ones.
    """
    if not query:
        return body
    if method == "DELETE" and body is None:
        return single_values(query)
    if isinstance(body, dict):
        for name, _ in query:
            if name in body:
                raise ApiError(INVALID_CLIENT_REQUEST, f"{name[:64]} stands in the query and in the body")
    return body
