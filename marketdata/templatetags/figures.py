"""Template words of the pages: icons, figures, the live market panel."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from marketdata import figures
from marketdata.page_data import MarketRow, market_rows

register = template.Library()


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """One 16 px drawing of the sprite. Decoration: the words stand beside it."""
    return format_html(
        '<svg class="icon {}" width="16" height="16" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        classes,
        static("icons.svg"),
        name,
    )


@register.filter
def grouped(text: object) -> str:
    return figures.grouped(str(text))


@register.filter
def dimmed(text: object) -> SafeString:
    """A grouped figure whose empty trailing zeros are dim."""
    bright, dim = figures.dimmed_parts(figures.grouped(str(text)))
    return format_html('{}<span class="dim">{}</span>', bright, dim) if dim else format_html("{}", bright)


@register.filter
def fee(ppm: int) -> str:
    return figures.fee(ppm)


@register.simple_tag
def live_markets(limit: int = 3) -> list[MarketRow]:
    return market_rows()[:limit]
