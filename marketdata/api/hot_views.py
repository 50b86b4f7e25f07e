"""The hot reads through Django and DRF: the plumbing around `hot` for whoever does not take the fast lane."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from exchange_site.kernel.api_view import PublicView
from exchange_site.kernel.event_loop import from_thread
from exchange_site.kernel.fast_http import TEXT_TYPE
from marketdata.api.hot import READERS


class HotRead(PublicView):
    """One route of `hot.READERS`, by its path."""

    path = ""

    def get(self, request: Request) -> Response | HttpResponse:
        read = from_thread(READERS[self.path](self.query_pairs()))
        if not read.text:
            return self.answer(read.value, read.headers)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(read.value, content_type=TEXT_TYPE.decode(), headers=headers)
