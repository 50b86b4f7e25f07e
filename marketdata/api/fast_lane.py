"""Hot public reads on the fast lane: the plumbing around `hot`, without Django."""

from exchange_site.kernel.fast_http import TEXT_TYPE, Handler, Request, Response, Routes, json_response
from marketdata.api.hot import READERS, Reader


def _handler(reader: Reader) -> Handler:
    async def handle(request: Request) -> Response:
        read = await reader(request.query())
        if read.text:
            return Response(read.value, content_type=TEXT_TYPE)
        return json_response(read.value, headers=read.headers)

    return handle


ROUTES: Routes = {path: {"GET": _handler(reader)} for path, reader in READERS.items()}
