"""What staff does to a market from its page: its state, an auction, limits and fees. Used by `marketdata.admin`."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from marketdata import rules
from marketdata.admin_pages import (
    Page,
    PublicReasonForm,
    ReasonForm,
    Table,
    TypedWordForm,
    decide_page,
    text_field,
    two_person_notice,
)
from marketdata.limits import LimitsText, limits_in_force, percent, seconds_ms
from marketdata.models import Auction, Market
from marketdata.staff_acts import By
from matching.messages import MarketState

_LIMITS = {  # Member of LimitsText: label, unit, help.
    "min_quantity": ("Minimum quantity", "{base}", ""),
    "max_quantity": ("Maximum quantity", "{base}", "Empty: no maximum."),
    "min_notional": ("Minimum notional", "{quote}", "Price times quantity. Empty: none."),
    "max_open_orders": ("Open orders per account", "", ""),
    "min_price_percent": ("Lowest limit price", "% of the last price", "0 to 100. Empty: no bound."),
    "max_price_percent": ("Highest limit price", "% of the last price", "100 or more. Empty: no bound."),
    "min_impact_percent": ("Market sells down to", "% of the best bid", "0 to 100. Empty: no bound."),
    "max_impact_percent": ("Market buys up to", "% of the best ask", "100 or more. Empty: no bound."),
    "band_percent": ("Price band", "% around the reference price", "No trade beyond it. Empty: no band."),
    "band_window_s": ("Reference price follows every", "s", ""),
    "auction_s": ("Auction when the price leaves the band", "s", "Empty: no auction, orders expire at the band."),
}
_NEEDED = {"min_quantity", "max_open_orders", "band_window_s"}


class LimitsForm(ReasonForm):
    """All limits, as LimitsText has them; the reason comes last."""

    def __init__(self, *arguments: Any, market: Market, **more: Any) -> None:
        super().__init__(*arguments, **more)
        assets = {"base": market.base.symbol, "quote": market.quote.symbol}
        reason = self.fields.pop("reason")
        for name, (label, unit, empty) in _LIMITS.items():
            full = f"{label}, {unit.format(**assets)}" if unit else label
            self.fields[name] = text_field(full, empty, required=name in _NEEDED)
        self.fields["reason"] = reason


class FeesForm(forms.Form):
    tier = forms.IntegerField(
        min_value=0,
        max_value=rules.MAX_TIER,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="0 is everybody without a tier. A tier without fees of its own has those of the next lower one.",
    )
    maker_percent = text_field("Maker fee, %", "Below zero it is a rebate, paid out of the taker's fee.")
    taker_percent = text_field("Taker fee, %", "For orders accepted from now on; resting ones keep theirs.")
    reason = text_field("Reason", "Kept in the audit trail and in the engine's log.", max_length=256)


class AuctionForm(PublicReasonForm):
    field_order = ["length_s", "reason"]
    length_s = text_field(
        "Length, s", "The market uncrosses and opens by itself then. Empty: when staff ends it.", required=False
    )


class MarketRules:
    """Part of the market's admin page: buttons, and what is in force. Stopping is one person's, reopening two's."""

    rule_actions = [
        "halt",
        "resume",
        {"title": "Other states", "icon": "tune", "items": ["post_only", "limit_only", "auction", "close"]},
        {"title": "Rules", "icon": "gavel", "items": ["limits", "change_fees", "list_again"]},
    ]
    rule_fields = ["limits_now", "fees_now", "auction_now"]

    # --------------------------------------------------------------------------------------------------------- states

    @action(description="Halt", permissions=["change"], icon="pause_circle", variant=ActionVariant.DANGER)
    def halt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """CancelOnly: orders stay, cancelling works, nothing new comes in."""
        return self._state_page(request, object_id, MarketState.CANCEL_ONLY, "Halt", danger=True)

    @action(description="Resume", permissions=["change"], icon="play_circle")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._state_page(request, object_id, MarketState.OPEN, "Resume")

    @action(description="Post-only", permissions=["change"], icon="low_priority")
    def post_only(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._state_page(request, object_id, MarketState.POST_ONLY, "Post-only:")

    @action(description="Limit orders only", permissions=["change"], icon="rule")
    def limit_only(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._state_page(request, object_id, MarketState.LIMIT_ONLY, "Limit orders only:")

    @action(description="Auction", permissions=["change"], icon="gavel")
    def auction(self, request: HttpRequest, object_id: str) -> HttpResponse:
        market = self.market_of(request, object_id)

        def hold(typed: dict[str, Any], by: By) -> Any:
            length_ms = seconds_ms(typed["length_s"], "length_s") if typed["length_s"].strip() else None
            return rules.set_market_state(market, MarketState.AUCTION, by, auction_ms=length_ms)

        page = Page(f"Auction in {market.symbol}", self._back(market), AuctionForm, {"length_s": "60"})
        page.notice, page.tables = self._notice(market, MarketState.AUCTION), [self._state_table(market)]
        return decide_page(request, self._context(request), page, hold)

    @action(description="Close", permissions=["change"], icon="block", variant=ActionVariant.DANGER)
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Nothing works any more, cancelling neither, so the market's name must be typed."""
        market = self.market_of(request, object_id)
        page = Page(f"Close {market.symbol}", self._back(market), TypedWordForm, options={"word": market.symbol})
        page.notice = "While a market is closed, nobody can cancel there. To stop trading, halting is enough."
        page.danger, page.tables = True, [self._state_table(market)]
        return decide_page(
            request, self._context(request), page, lambda _, by: rules.set_market_state(market, MarketState.CLOSED, by)
        )

    def _state_page(
        self, request: HttpRequest, object_id: str, state: MarketState, verb: str, *, danger: bool = False
    ) -> HttpResponse:
        market = self.market_of(request, object_id)
        page = Page(f"{verb} {market.symbol}", self._back(market), PublicReasonForm, danger=danger)
        page.notice, page.tables = self._notice(market, state), [self._state_table(market)]
        return decide_page(
            request, self._context(request), page, lambda _, by: rules.set_market_state(market, state, by)
        )

    @staticmethod
    def _notice(market: Market, state: MarketState) -> str:
        return two_person_notice() if market.state in rules.SHUT and state not in rules.SHUT else ""

    # ---------------------------------------------------------------------------------------------------------- rules

    @action(description="Limits", permissions=["change"], icon="straighten")
    def limits(self, request: HttpRequest, object_id: str) -> HttpResponse:
        market = self.market_of(request, object_id)

        def change(typed: dict[str, Any], by: By) -> int:
            return rules.set_market_limits(market, LimitsText(**{name: typed[name] for name in _LIMITS}), by)

        page = Page(f"Limits of {market.symbol}", self._back(market), LimitsForm, asdict(limits_in_force(market)))
        page.options, page.submit = {"market": market}, "Change the limits"
        return decide_page(request, self._context(request), page, change)

    @action(description="Fees", permissions=["change"], icon="percent")
    def change_fees(self, request: HttpRequest, object_id: str) -> HttpResponse:
        market = self.market_of(request, object_id)
        fees = rules.fees_in_force(market)
        asked = request.GET.get("tier", "0")
        tier = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 3 else 0
        maker, taker = fees.get(tier) or fees[max(known for known in fees if known <= tier)]
        initial = {"tier": tier, "maker_percent": percent(maker), "taker_percent": percent(taker)}

        def change(typed: dict[str, Any], by: By) -> int:
            return rules.set_market_fees(market, typed["maker_percent"], typed["taker_percent"], by, tier=typed["tier"])

        page = Page(f"Fees of {market.symbol}", self._back(market), FeesForm, initial, submit="Change the fees")
        rows = [
            [format_html('<a class="underline" href="?tier={}">{}</a>', each, each), percent(maker), percent(taker)]
            for each, (maker, taker) in fees.items()
        ]
        page.tables = [{"title": "In force", "headers": ["Tier", "Maker %", "Taker %"], "rows": rows}]
        return decide_page(request, self._context(request), page, change)

    # ----------------------------------------------------------------------------------------------- what is in force

    @staticmethod
    def _state_table(market: Market) -> Table:
        since = f"{market.state_since:%d %b %H:%M:%S} UTC" if market.state_since else "listing"
        row = [market.state, since, market.state_actor or "-", market.state_reason or "-"]
        return {"title": "In force", "headers": ["State", "Since", "By", "Reason"], "rows": [row]}

    def limits_now(self, market: Market) -> SafeString:
        limits = asdict(limits_in_force(market))
        units = {"base": market.base.symbol, "quote": market.quote.symbol}
        rows = [
            (label, f"{limits[name]} {unit.format(**units)}".strip() if limits[name] else "none")
            for name, (label, unit, _) in _LIMITS.items()
        ]
        return format_html_join("", "<p>{}: {}</p>", rows)

    def fees_now(self, market: Market) -> SafeString:
        rows = [(tier, percent(maker), percent(taker)) for tier, (maker, taker) in rules.fees_in_force(market).items()]
        return format_html_join("", "<p>Tier {}: maker {} %, taker {} %</p>", rows)

    def auction_now(self, market: Market) -> str:
        running = Auction.objects.filter(market=market, ended_at=None).order_by("-seq").first()
        if running is None or market.state != MarketState.AUCTION:
            return "none"
        spec = market.spec()
        ends = f"ends at {running.ends_at:%H:%M:%S} UTC" if running.ends_at else "until staff ends it"
        if running.price_ticks is None:
            return f"{ends}; nothing would trade"
        price, lots = spec.format_price(running.price_ticks), spec.format_quantity(running.lots)
        return f"{ends}; {lots} {market.base.symbol} would trade at {price} {market.quote.symbol}"

    limits_now.short_description = "limits"  # type: ignore[attr-defined]
    fees_now.short_description = "fees"  # type: ignore[attr-defined]
    auction_now.short_description = "auction"  # type: ignore[attr-defined]

    # --------------------------------------------------------------------------------------------------------- inside

    def market_of(self, request: HttpRequest, object_id: str) -> Market:
        market: Market | None = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if market is None:
            raise Http404(object_id)
        if not self.has_change_permission(request, market):  # type: ignore[attr-defined]
            raise PermissionDenied
        return market

    @staticmethod
    def _back(market: Market) -> str:
        return reverse("admin:marketdata_market_change", args=[market.pk])

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": Market._meta}  # type: ignore[attr-defined]
