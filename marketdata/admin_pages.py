"""Pages of the admin on which staff decides something: what is in force, a form with a reason, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from unfold.widgets import UnfoldAdminTextInputWidget

from exchange_site.kernel.errors import ApiError
from marketdata.limits import InvalidLimit
from marketdata.models import StaffWish
from marketdata.staff_acts import MAX_REASON, By, in_words
from marketdata.wishes import said

Table = dict[str, Any]  # `headers` and `rows`, as unfold's table component takes them.
TAKES_TWO = (
    "This takes two people. You ask here; it happens when somebody else approves it under Approvals within 24 hours."
)
ALONE = "One-person approval is switched on (STAFF_ONE_PERSON): this takes effect at once, without a second person."


def text_field(label: str, help_text: str = "", *, required: bool = True, max_length: int = 40) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=max_length, widget=UnfoldAdminTextInputWidget
    )


class ReasonForm(forms.Form):
    reason = text_field("Reason", "Kept in the audit trail and in the engine's log.", max_length=MAX_REASON)


class PublicReasonForm(forms.Form):
    reason = text_field(
        "Reason", "Traders read it. Kept in the audit trail and in the engine's log.", max_length=MAX_REASON
    )


class TypedWordForm(PublicReasonForm):
    """Asks for a word, so that nobody does it by one wrong click."""

    def __init__(self, *arguments: Any, word: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.word = word
        self.fields["word"] = text_field(f"Type {word} to confirm")

    def clean_word(self) -> str:
        if self.cleaned_data["word"].strip() != self.word:
            raise forms.ValidationError(f"Type {self.word}, in this spelling.")
        return self.word


@dataclass
class Page:
    """What one page shows. `notice` stands above the form; `danger` makes its button red."""

    title: str
    back: str
    form: type[forms.Form] = ReasonForm
    initial: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    notice: str = ""
    tables: Sequence[Table] = ()
    danger: bool = False
    submit: str = ""


def two_person_notice() -> str:
    return ALONE if settings.STAFF_ONE_PERSON else TAKES_TWO


def by_request(request: HttpRequest, reason: str) -> By:
    return By(request.user, reason, request.META.get("REMOTE_ADDR") or None)


def decide_page(
    request: HttpRequest,
    context: dict[str, Any],
    page: Page,
    do: Callable[[dict[str, Any], By], int | str | StaffWish],
) -> HttpResponse:
    """The whole dialogue: ask, do, tell. What cannot be done comes back with everything that was typed."""
    posted = request.POST if request.method == "POST" else None
    form = page.form(posted, initial=page.initial, **page.options)
    if form.is_valid():
        try:
            done = do(form.cleaned_data, by_request(request, form.cleaned_data["reason"]))
        except InvalidLimit as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        except ApiError as error:
            form.add_error(None, in_words(error))
        else:
            messages.success(request, said(done))
            return redirect(page.back)
    context = {**context, "title": page.title, "page": page, "form": form, "verb": page.submit or page.title}
    return render(request, "admin/staff/ask.html", context)
