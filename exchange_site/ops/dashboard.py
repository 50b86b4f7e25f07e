"""The first page of the admin: is everything all right? Drawn by the server, asked again by a small script."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exchange_site.ops import state

VIEW = "exchange_site.view_dashboard"


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What unfold's index gets besides its own."""
    if request.user.has_perm(VIEW):
        context.update(_looked())
    return context


def live(request: HttpRequest) -> HttpResponse:
    """The tiles alone, for the page that shows them already. 403 for who may not see them."""
    user = request.user
    if not (admin.site.has_permission(request) and user.has_perm(VIEW)):
        return HttpResponse(status=403)
    answer = render(request, "admin/staff/_tiles.html", _looked())
    answer["Cache-Control"] = "no-store"
    return answer


def _looked() -> dict[str, Any]:
    tiles = state.tiles()
    return {"tiles": tiles, "verdict": state.verdict(tiles)}
