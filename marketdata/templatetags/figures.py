"""Template words of the pages: icons, figures, the live market panel."""

from django import template
from django.forms import BoundField, PasswordInput
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from exchange_site.kernel.speech import told
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


@register.simple_tag
def page_link(name: str) -> str:
    """The address of a page by its name, or "" where this installation has no such page."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


register.filter("told", told)  # English of Python in the language of the page.


@register.filter
def grouped(text: object) -> str:
    return figures.grouped(str(text))


@register.filter
def for_field(text: object) -> str:
    return figures.for_field(str(text))


@register.filter
def dimmed(text: object) -> SafeString:
    """A grouped figure whose empty trailing zeros are dim."""
    bright, dim = figures.dimmed_parts(figures.grouped(str(text)))
    return format_html('{}<span class="dim">{}</span>', bright, dim) if dim else format_html("{}", bright)


@register.filter
def fee(ppm: int) -> str:
    return figures.fee(ppm)


@register.filter
def entry(field: BoundField) -> SafeString:
    """The input of a form field as our pages show it: no placeholder, its error tied to it, a password can be shown."""
    attributes: dict[str, object] = {"placeholder": ""}
    if field.errors:
        told = f"{field.auto_id}_error {field.auto_id}_helptext" if field.help_text else f"{field.auto_id}_error"
        attributes |= {"aria-invalid": "true", "aria-describedby": told}
    if isinstance(field.field.widget, PasswordInput):
        attributes["data-show"] = True
    return field.as_widget(attrs=attributes)


@register.simple_tag
def live_markets(limit: int = 3) -> list[MarketRow]:
    return market_rows()[:limit]
