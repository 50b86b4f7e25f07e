"""The one table of errors a user can get: stable code, HTTP status, sentence. Shapes: `docs/rest.md`.

Codes and statuses are those existing clients know. A message never equals a code (clients look messages up as codes).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ErrorKind:
    code: str
    status: int
    message: str


INVALID_CLIENT_REQUEST = ErrorKind("INVALID_CLIENT_REQUEST", 400, "The request is not valid")
INVALID_SYMBOL = ErrorKind("INVALID_SYMBOL", 400, "Invalid market symbol")
INVALID_ORDER = ErrorKind("INVALID_ORDER", 400, "The order is not allowed")
INVALID_PRICE = ErrorKind("INVALID_PRICE", 400, "Price is out of bounds")
INVALID_QUANTITY = ErrorKind("INVALID_QUANTITY", 400, "Quantity is above the maximum allowed value")
INVALID_ASSET = ErrorKind("INVALID_ASSET", 400, "Unknown asset")
INSUFFICIENT_FUNDS = ErrorKind("INSUFFICIENT_FUNDS", 400, "Insufficient funds")
INVALID_TWO_FACTOR_CODE = ErrorKind("INVALID_TWO_FACTOR_CODE", 400, "The code of the second factor is wrong or used")
ORDER_LIMIT = ErrorKind("ORDER_LIMIT", 400, "Too many open orders in this market")
UNAUTHORIZED = ErrorKind("UNAUTHORIZED", 401, "Authentication is required")
INVALID_SIGNATURE = ErrorKind("INVALID_SIGNATURE", 401, "Invalid signature")
FORBIDDEN = ErrorKind("FORBIDDEN", 403, "This is not allowed for you or your key")
RESOURCE_NOT_FOUND = ErrorKind("RESOURCE_NOT_FOUND", 404, "Not Found")
METHOD_NOT_ALLOWED = ErrorKind("INVALID_CLIENT_REQUEST", 405, "Method not allowed here")
PRECONDITION_FAILED = ErrorKind("PRECONDITION_FAILED", 409, "The idempotency key was used for another request")
PAYLOAD_TOO_LARGE = ErrorKind("INVALID_CLIENT_REQUEST", 413, "The request body is larger than 64 KiB")
TOO_MANY_REQUESTS = ErrorKind("TOO_MANY_REQUESTS", 429, "Too many requests")
SERVER_ERROR = ErrorKind("SERVER_ERROR", 500, "Something failed on our side; it has been logged")
NOT_IMPLEMENTED = ErrorKind("NOT_IMPLEMENTED", 501, "Known, but not supported here")
MAINTENANCE = ErrorKind("MAINTENANCE", 503, "The exchange is not taking orders right now; nothing was executed")
TRADING_PAUSED = ErrorKind("TRADING_PAUSED", 503, "Trading in this market is halted")
TIMEOUT = ErrorKind("TIMEOUT", 504, "No answer yet; the outcome is unknown. Ask for the order before sending again")


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal on its way to the client. `extra` adds members to the JSON body (`executed`), `headers` go along."""

    kind: ErrorKind
    message: str = ""
    extra: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.kind.status

    def body(self) -> dict[str, object]:
        return {"code": self.kind.code, "message": self.message or self.kind.message, **self.extra}
