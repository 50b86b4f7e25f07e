"""uvicorn's HTTP, refusing in JSON: what cannot be parsed never reaches the application, and clients only read JSON.

An unknown method, raw bytes in the path, a length that lies: uvicorn on its own answers these in plain text.
"""

import logging

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from exchange_site.kernel.fast_http import JSON_TYPE, encode_json

log = logging.getLogger(__name__)


class JsonRefusingProtocol(HttpToolsProtocol):
    """Named on uvicorn's command line: `--http exchange_site.http_protocol:JsonRefusingProtocol`."""

    def send_400_response(self, msg: str) -> None:
        """Answer and close: where the next request would begin is anybody's guess."""
        log.info("A request could not be parsed: %s", msg)
        body = encode_json(ApiError(INVALID_CLIENT_REQUEST, "This is not a valid HTTP request").body())
        head = [
            b"HTTP/1.1 400 Bad Request",
            *(name + b": " + value for name, value in self.server_state.default_headers),
            b"content-type: " + JSON_TYPE,
            b"content-length: %d" % len(body),
            b"cache-control: no-store",
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.close()
