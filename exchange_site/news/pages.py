"""The status page and announcements."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.site import preferences
from exchange_site.news import selectors
from exchange_site.news.models import Announcement
from exchange_site.news.selectors import Latency
from marketdata import figures, halt
from marketdata.market_state import state_words
from marketdata.selectors import listed_markets

OLD_SAMPLE_S = 180  # The probe runs each minute; older means that nobody measures.
PARTS = {
    "engine": (gettext_lazy("Matching engine"), gettext_lazy("A command sent, written down and answered")),
    "database": (gettext_lazy("Database"), gettext_lazy("One small question")),
    "web": (gettext_lazy("Web server"), gettext_lazy("One small request of the API")),
}


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    stopped, sample = halt.current(), selectors.last_sample()
    markets = [(market, state_words(market, stopped)) for market in listed_markets()]
    incidents = selectors.incidents()
    context = {
        "section": "status",
        "stopped": stopped,
        "markets": markets,
        "all_open": stopped is None and all(words.is_open for _, words in markets),
        "open_incidents": [row for row in incidents if row.ended_at is None],
        "past_incidents": [row for row in incidents if row.ended_at is not None],
        "planned": selectors.planned(),
        "parts": [_part(latency, sample) for latency in selectors.latencies()],
        "sample": sample,
        "sample_is_old": sample is None or (timezone.now() - sample.at).total_seconds() > OLD_SAMPLE_S,
        "now": timezone.now(),
    }
    return render(request, "news/status.html", context)


def _part(latency: Latency, sample: object) -> dict[str, object]:
    name, what = PARTS[latency.part]
    last = getattr(sample, f"{latency.part}_us", None)
    return {
        "name": name,
        "what": what,
        "last": ms(last),
        "median": ms(latency.median_us),
        "most": ms(latency.most_us),
        "answered": latency.answered,
        "measured": latency.measured,
        "answers": last is not None,
    }


def ms(us: int | None) -> str:
    """Microseconds as milliseconds with one decimal, rounded."""
    if us is None:
        return figures.UNKNOWN
    tenths = (us + 50) // 100
    return figures.grouped(f"{tenths // 10}.{tenths % 10}")


@require_safe
def announcements(request: HttpRequest) -> HttpResponse:
    return render(request, "news/announcements.html", {"section": "news", "rows": selectors.announcements()})


@require_POST
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Close the banner, for this account or this browser; the announcement stays on its page."""
    if not Announcement.objects.filter(pk=pk).exists():
        raise Http404("There is no such announcement.")
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    answer = HttpResponseRedirect(target)
    seen = max(preferences.of(request).seen_announcement, pk)
    preferences.keep(request, answer, seen_announcement=seen)
    return answer
