"""The first page of the admin: is everything all right? Drawn by the server, asked again by a small script."""

from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exchange_site.ops import navigation, state

VIEW = "exchange_site.view_dashboard"


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What unfold's index gets besides its own."""
    context["menu"] = navigation.groups(request)[1:]
    if request.user.has_perm(VIEW):
        context.update(_looked(request))
    return context


def live(request: HttpRequest) -> HttpResponse:
    """The tiles alone, for the page that shows them already. 403 for who may not see them."""
    user = request.user
    if not (admin.site.has_permission(request) and user.has_perm(VIEW)):
        return HttpResponse(status=403)
    answer = render(request, "admin/staff/_tiles.html", _looked(request))
    answer["Cache-Control"] = "no-store"
    return answer


def _looked(request: HttpRequest) -> dict[str, Any]:
    """The tiles, with links only to what this person may open."""
    open_to_them = {item["link"] for group in navigation.groups(request) for item in group["items"]}
    tiles = [tile if tile.link.partition("?")[0] in open_to_them else replace(tile, link="") for tile in state.tiles()]
    return {"tiles": tiles, "verdict": state.verdict(tiles)}
