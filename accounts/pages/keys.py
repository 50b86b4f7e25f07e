"""The page of API keys: made in the browser or pasted, shown with their last use, revoked."""

import logging
from smtplib import SMTPException

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts import api_keys
from accounts.models import Account, ApiKey
from accounts.pages.wallet import of_account
from accounts.site import preferences

log = logging.getLogger(__name__)


@require_http_methods(["GET", "HEAD", "POST"])
@of_account
@reauthentication_required
def keys(request: HttpRequest, owner: Account) -> HttpResponse:
    """The list, and a form that makes one. Asks for the password again when the last login is some minutes old."""
    if request.method == "POST":
        try:
            challenge = api_keys.take_challenge(request.session)
            assert owner.user is not None, "the page is for people"
            wish = api_keys.wanted(owner.user, request.POST.dict(), request.POST.getlist("scope"))
            api_keys.demand_possession(wish.public_key, request.POST.get("signature", ""), challenge)
            key = api_keys.register(owner, wish, request.META.get("REMOTE_ADDR") or None)
        except api_keys.Refused as refusal:
            messages.error(request, str(refusal))
            return _page(request, owner, 400)
        _tell(key, revoked=False)
        messages.success(request, gettext("The key is registered and works at once."))
        return redirect("api_keys")
    return _page(request, owner, 200)


def _page(request: HttpRequest, owner: Account, status: int) -> HttpResponse:
    context = {
        "section": "keys",
        "keys": list(api_keys.live_keys(owner)),
        "now": timezone.now(),
        "challenge_text": api_keys.signed_text(api_keys.challenge_of(request.session)),
        "lifetimes": list(api_keys.LIFETIMES_DAYS),
        "entered": request.POST if request.method == "POST" else {},
        "chosen": request.POST.getlist("scope") if request.method == "POST" else ["read"],
    }
    return render(request, "accounts/keys.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@of_account
def revoke(request: HttpRequest, owner: Account, pk: int) -> HttpResponse:
    """GET asks, for readers without script. Taking rights away needs no password: it must be quick."""
    if request.method != "POST":
        asked = api_keys.live_keys(owner).filter(pk=pk).first()
        if asked is None:
            raise Http404("There is no such key.")
        name = asked.name or asked.public_key
        text = gettext("Programs that sign with {name} are refused from this moment. Open orders stay.")
        context = {
            "section": "keys",
            "title": gettext("Revoke this key?"),
            "text": text.format(name=name),
            "yes": gettext("Revoke"),
            "no": gettext("Keep it"),
            "back": reverse("api_keys"),
        }
        return render(request, "accounts/sure.html", context)
    key = api_keys.revoke(owner, pk, request.META.get("REMOTE_ADDR") or None)
    if key is None:
        raise Http404("There is no such key.")
    _tell(key, revoked=True)
    messages.success(request, gettext("The key is revoked. It stops everywhere within five seconds."))
    return redirect("api_keys")


def _tell(key: ApiKey, *, revoked: bool) -> None:
    """A mail to its owner, who may not be the one who did it. A mail server that is away stops nothing."""
    assert key.account.user is not None, "only people have keys"
    page = settings.PUBLIC_URL + reverse("api_keys")
    facts = {"name": key.name or key.public_key, "revoked": revoked, "page": page}
    with translation.override(preferences.mail_language(key.account.user)):
        subject = gettext("An API key was revoked") if revoked else gettext("An API key was registered")
        text = render_to_string("accounts/mail/api_key.txt", facts)
    try:
        send_mail(subject, text, None, [key.account.user.email])
    except (SMTPException, OSError) as problem:
        log.warning("The notice about API key %d was not sent: %s", key.pk, problem)
