"""People, accounts, keys and the ledger for staff. Money is only looked at here; nobody's password is set by others."""

from typing import Any
from urllib.parse import quote

from allauth.account.decorators import secure_admin_login
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import freezing, staff_roles
from accounts.audit import admin as audit_admin  # noqa: F401 - the audit log registers its own.
from accounts.factor_reset import admin as factor_reset
from accounts.models import Account, ApiKey, AuditEntry, LedgerPosting, RateTier, User
from accounts.wallet import admin as wallet_admin  # noqa: F401 - the wallet registers its own.
from exchange_site.kernel.errors import ApiError
from marketdata.admin_base import Follows, OffersWhatWorks, ReadOnlyAdmin, coins, postings_of
from marketdata.admin_pages import Page, by_request, decide_page, text_field, two_person_notice
from marketdata.staff_acts import MAX_REASON, in_words
from marketdata.wishes import said

admin.site.unregister(Group)  # Rights are given to people one by one.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # With the second factor.


SESSIONS_SHOWN = 20


def note(request: HttpRequest, action: str, subject: str, reason: str = "") -> None:
    """Add an audit entry for something staff did here."""
    assert isinstance(request.user, User)
    AuditEntry.objects.create(
        actor=request.user,
        action=action,
        subject=subject[:128],
        reason=reason[:256],
        ip_address=request.META.get("REMOTE_ADDR") or None,
    )


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """Rights that are new become a wish, which needs its reason; `new_rights` says which, after cleaning."""

    reason = text_field("Reason", "Needed where rights are given.", required=False, max_length=MAX_REASON)
    new_rights: dict[str, Any]

    class Meta:
        labels = {"is_staff": "May enter the administration", "groups": "Roles", "is_superuser": "Superuser"}
        help_texts = {
            "is_staff": "Given by two people, taken away by one. Without a role there is nothing to see.",
            "groups": "What each may do stands in docs/runbook.md. Given by two people, taken away by one.",
            "is_superuser": "Every right there is, for emergencies.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        held = User.objects.get(pk=self.instance.pk)
        groups = cleaned.get("groups")
        kept = held.groups.all()
        self.new_rights = {
            "roles": [] if groups is None else [group.name for group in groups if group not in kept],
            "staff": bool(cleaned.get("is_staff")) and not held.is_staff,
            "superuser": bool(cleaned.get("is_superuser")) and not held.is_superuser,
        }
        if any(self.new_rights.values()) and not cleaned.get("reason", "").strip():
            self.add_error("reason", "Say why: somebody else has to approve it.")
        return cleaned


@admin.register(User)
class UserAdmin(Follows, OffersWhatWorks, ModelAdmin):
    form = UserForm
    list_display = ["email", "is_active", "is_staff", "last_login", "date_joined"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email"]
    ordering = ["email"]
    fields = [
        "email", "standing", "sessions", "first_name", "last_name", "is_staff", "groups", "is_superuser",
        "reason", "last_login", "date_joined",
    ]  # fmt: skip
    formfield_overrides = {ManyToManyField: {"widget": UnfoldAdminCheckboxSelectMultipleWidget}}
    actions_detail = [
        "freeze", "unfreeze", "look_as", {"title": "Log-in", "icon": "key", "items": ["end_sessions", "reset_factor"]},
    ]  # fmt: skip
    actions_detail_hide_default = True  # The audit log has it all.

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Roles are given by who may give them, never to oneself; superusers are made by superusers."""
        fixed = ["email", "standing", "sessions", "last_login", "date_joined"]
        if not getattr(request.user, "is_superuser", False):
            fixed.append("is_superuser")
        own = obj is not None and obj.pk == request.user.pk
        if own or not request.user.has_perm("exchange_site.assign_roles"):
            fixed += ["is_staff", "groups"]
        return [*fixed, "follow"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """The reason is of who gives roles; freezing asks for its own."""
        may_assign = request.user.has_perm("exchange_site.assign_roles")
        return [name for name in super().get_fields(request, obj) if name != "reason" or may_assign]

    def is_offered(self, request: HttpRequest, row: User, name: str) -> bool:
        if name == "look_as":
            return bool(import_string(settings.HIJACK_PERMISSION_CHECK)(request.user, row))
        if name == "reset_factor":
            return not factor_reset.resets.why_not(row, request.user)
        if name in ("freeze", "unfreeze"):
            return row.is_active == (name == "freeze") and not freezing.why_not(row, request.user)
        return True

    @admin.display(description="standing")
    def standing(self, user: User) -> str:
        return "may log in" if user.is_active else "FROZEN: no log-in, no keys, no withdrawals"

    def followed(self, row: User) -> dict[str, tuple[str, str]]:
        account = Account.objects.filter(user=row).first()
        by_email = f"q={quote(row.email)}"
        found = {"Audit log": ("accounts_auditentry", by_email)}
        if account is not None:
            found = {
                "Account": ("accounts_account", f"id={account.pk}"),
                "API keys": ("accounts_apikey", by_email),
                "Orders": ("trading_order", f"account={account.pk}"),
                "Ledger": ("accounts_ledgerentry", f"account={account.pk}"),
                "Deposits": ("accounts_deposit", by_email),
                "Withdrawals": ("accounts_withdrawal", by_email),
                **found,
            }
        return found

    @admin.display(description="sessions")
    def sessions(self, user: User) -> SafeString | str:
        rows = UserSession.objects.filter(user=user).order_by("-last_seen_at")[:SESSIONS_SHOWN]
        told = ((row.last_seen_at.strftime("%Y-%m-%d %H:%M"), row.ip, row.user_agent[:80]) for row in rows)
        return format_html_join("", "<p>last used {} UTC from {}: {}</p>", told) or "logged in nowhere"

    @action(description="Freeze", permissions=["change"], icon="ac_unit", variant=ActionVariant.DANGER)
    def freeze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user, context, back = self._about(request, object_id)
        page = Page(f"Freeze {user}", back, submit="Freeze", danger=True)
        page.notice = (
            "At once: logged out everywhere, no log-in, no API key, no withdrawal that is not sent yet. Open orders "
            f"and money stay. {'' if settings.STAFF_ONE_PERSON else 'Letting them in again takes two people.'}"
        )
        return decide_page(request, context, page, lambda _, by: freezing.freeze(user, by))

    @action(description="Let in again", permissions=["change"], icon="lock_open")
    def unfreeze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user, context, back = self._about(request, object_id)
        page = Page(f"Let {user} in again", back, submit="Unfreeze", notice=two_person_notice())
        return decide_page(request, context, page, lambda _, by: freezing.ask_to_unfreeze(user, by))

    @action(description="Log out everywhere", permissions=["change"], icon="logout")
    def end_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user, context, back = self._about(request, object_id)
        page = Page(f"Log {user} out everywhere", back, submit="Log out everywhere", danger=True)
        page.notice = "Their password and API keys go on working: change or revoke them, or freeze the user."
        return decide_page(request, context, page, lambda _, by: freezing.end_sessions(user, by))

    def _about(self, request: HttpRequest, object_id: str) -> tuple[User, dict[str, Any], str]:
        """The user, and what a page about them needs. Raises Http404, PermissionDenied."""
        user = get_object_or_404(User, pk=object_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "opts": User._meta}
        return user, context, reverse("admin:accounts_user_change", args=[user.pk])

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only a superuser changes a superuser, or who freezes people could lock out everybody above them."""
        above = isinstance(obj, User) and obj.is_superuser and not getattr(request.user, "is_superuser", False)
        return bool(super().has_change_permission(request, obj)) and not above

    def has_look_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return bool(request.user.has_perm("exchange_site.view_as_user"))

    @action(description="Look as this user", permissions=["look"], icon="visibility")
    def look_as(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = get_object_or_404(User, pk=object_id)
        context = {**self.admin_site.each_context(request), "title": f"Look as {user}", "user_seen": user}
        return render(request, "admin/staff/look_as.html", {**context, "opts": User._meta})

    def has_factor_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return bool(request.user.has_perm(factor_reset.resets.MAY_ASK))

    @action(description="Take away the second factor", permissions=["factor"], icon="lock_reset")
    def reset_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = get_object_or_404(User, pk=object_id)
        context = {**self.admin_site.each_context(request), "opts": User._meta}
        back = reverse("admin:accounts_user_change", args=[user.pk])
        return factor_reset.ask_page(request, context, user, back)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # People sign up; `manage.py create_user` makes staff.

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # Their orders and postings stay; see `freeze`.

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """What is taken away is taken at once; what is given waits for a second person (`staff_roles`)."""
        new = form.new_rights
        obj.is_staff, obj.is_superuser = obj.is_staff and not new["staff"], obj.is_superuser and not new["superuser"]
        if "groups" in form.cleaned_data:
            form.cleaned_data["groups"] = form.cleaned_data["groups"].exclude(name__in=new["roles"])
        super().save_model(request, obj, form, change)
        waits = {"is_staff"} if new["staff"] else set()
        waits |= {"is_superuser"} if new["superuser"] else set()
        changed = [name for name in form.changed_data if name not in {*waits, "reason"}]
        values = ", ".join(f"{name}={_shown(form.cleaned_data[name])}" for name in changed)
        note(request, "user.change", obj.email, values)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Afterwards, so that what is saved with the form does not undo what is given at once where one may."""
        super().save_related(request, form, formsets, change)
        new = form.new_rights
        if any(new.values()):
            by = by_request(request, form.cleaned_data["reason"])
            try:
                wish = staff_roles.ask_to_give(
                    form.instance, new["roles"], by, staff=new["staff"], superuser=new["superuser"]
                )
            except ApiError as error:
                messages.error(request, in_words(error))
            else:
                messages.info(request, said(wish))


def _shown(value: object) -> str:
    return " and ".join(map(str, value)) if isinstance(value, QuerySet) else str(value)


@admin.register(RateTier)
class RateTierAdmin(ModelAdmin):
    """Numbers take effect within seconds, when web processes ask for the keys again."""

    list_display = ["name", "requests_per_minute", "counts_for_address"]
    ordering = ["name"]

    def save_model(self, request: HttpRequest, obj: RateTier, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        values = ", ".join(f"{name}={form.cleaned_data[name]}" for name in form.changed_data)
        note(request, "rate_tier.change", obj.name, values)

    def delete_model(self, request: HttpRequest, obj: RateTier) -> None:
        note(request, "rate_tier.delete", obj.name)
        super().delete_model(request, obj)


@admin.register(Account)
class AccountAdmin(Follows, ReadOnlyAdmin):
    """Only how often an account may ask is set here."""

    list_display = ["id", "owner", "kind", "rate_tier", "created_at"]
    list_filter = ["kind", "rate_tier"]
    search_fields = ["=id", "user__email"]
    ordering = ["id"]
    fields = ["id", "owner", "kind", "created_at", "money", "rate_tier"]
    readonly_fields = ["id", "owner", "kind", "created_at", "money"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).select_related("user", "rate_tier")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("accounts.change_account"))

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        obj.save(update_fields=["rate_tier"])
        note(request, "account.rate_tier", str(obj), str(obj.rate_tier or "default"))

    @admin.display(description="owner", ordering="user__email")
    def owner(self, account: Account) -> str:
        return str(account)

    def followed(self, row: Account) -> dict[str, tuple[str, str]]:
        found = {
            "Orders": ("trading_order", f"account={row.pk}"),
            "Fills": ("trading_fill", f"account={row.pk}"),
            "Ledger": ("accounts_ledgerentry", f"account={row.pk}"),
            "Audit log": ("accounts_auditentry", f"q=account%20{row.pk}"),
        }
        if row.user is not None:
            found["User"] = ("accounts_user", f"q={quote(row.user.email)}")
        return found

    @admin.display(description="balances")
    def money(self, account: Account) -> SafeString | str:
        rows = [
            (row.asset.symbol, coins(row.asset, row.available_units), coins(row.asset, row.locked_units))
            for row in account.balances.select_related("asset").order_by("asset__symbol")
        ]
        return format_html_join("", "<p>{}: {} available, {} locked</p>", rows) or "none"


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "account", "can_read", "can_trade", "can_withdraw", "last_used_at", "revoked_at"]
    list_filter = ["can_trade", "can_withdraw", ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "public_key", "account__user__email"]
    list_select_related = ["account__user"]
    actions = ["revoke"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apikey")

    @admin.action(description="Revoke selected keys (for good)", permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """Takes effect within 5 seconds, when the web processes ask again."""
        revoked = 0
        for key in keys.filter(revoked_at__isnull=True).select_related("account__user"):
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            note(request, "api_key.revoke", f"{key.account} key {key.pk}")
            revoked += 1
        messages.success(request, f"{revoked} keys are revoked.")


@admin.register(LedgerPosting)
class LedgerPostingAdmin(Follows, ReadOnlyAdmin):
    search_help_text = "Number of an event or an account, a reference, an email address."
    list_display = ["id", "seq", "at", "kind", "account", "amount", "reference"]
    list_filter = ["kind", "asset"]
    search_fields = ["=seq", "=account__id", "account__user__email", "=reference"]
    list_select_related = ["account__user", "asset"]
    ordering = ["-id"]

    def followed(self, row: LedgerPosting) -> dict[str, tuple[str, str]]:
        found = {"All of this event": postings_of(row.seq), "Account": ("accounts_account", f"id={row.account_id}")}
        found["Ledger of the account"] = ("accounts_ledgerentry", f"account={row.account_id}")
        if row.kind == LedgerPosting.Kind.DEPOSIT:
            found["Deposits of the account"] = ("accounts_deposit", f"account={row.account_id}")
        elif row.kind == LedgerPosting.Kind.WITHDRAWAL:
            found["Withdrawals of the account"] = ("accounts_withdrawal", f"account={row.account_id}")
        return found

    @admin.display(description="amount")
    def amount(self, posting: LedgerPosting) -> str:
        return coins(posting.asset, posting.units)
