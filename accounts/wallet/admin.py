"""The wallet for staff: what waits for a decision, what is wrong, and every row to look at. Nothing is edited here but
the rules of chains; decisions go through `accounts.wallet` with a reason."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.models import Account, AuditEntry
from accounts.wallet import alarms, approvals, deposits, progress
from accounts.wallet.models import (
    AssetNetwork,
    Deposit,
    DepositAddress,
    OutboxCommand,
    WalletAlarm,
    Withdrawal,
    WithdrawalAddress,
    WithdrawalFreeze,
)
from accounts.wallet.states import WrongState
from exchange_site.kernel.errors import ApiError
from marketdata.admin_base import ReadOnlyAdmin, coins


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=256, help_text="Kept in the audit trail.", widget=UnfoldAdminTextInputWidget)


class OwnerForm(ReasonForm):
    account = forms.IntegerField(min_value=1, widget=UnfoldAdminIntegerFieldWidget, help_text="Whose it is.")


def address_of(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR") or None


class AsksAdmin(ReadOnlyAdmin):
    """Read-only rows with decisions that ask for a reason first."""

    def _decide(
        self, request: HttpRequest, pk: str, title: str, decide: Callable[[Any, dict[str, Any]], str], form_class: Any
    ) -> HttpResponse:
        row = get_object_or_404(self.model, pk=pk)
        here = f"admin:accounts_{self.model._meta.model_name}_change"
        form = form_class(request.POST or None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": f"{title} {row}",
                "form": form,
                "opts": self.model._meta,
                "back": reverse(here, args=[pk]),
            }
            return render(request, "admin/accounts/decide.html", context)
        try:
            messages.success(request, decide(row, form.cleaned_data))
        except ApiError as error:
            messages.error(request, f"{error.message or error.kind.message} ({error.kind.code}).")
        except WrongState as error:
            messages.error(request, str(error))
        return redirect(here, pk)


@admin.register(Withdrawal)
class WithdrawalAdmin(AsksAdmin):
    list_display = ["id", "created_at", "account", "amount", "address", "state", "waits_for", "hold_reason"]
    list_filter = ["state", "network__blockchain", "network__asset", "approvals_needed"]
    search_fields = ["=id", "account__user__email", "=address", "=transaction_hash", "=engine_id"]
    list_select_related = ["account__user", "network__asset"]
    ordering = ["-id"]
    readonly_fields = ["amount", "waits_for", "approved_by"]
    actions_detail = ["approve", "reject"]

    def is_offered(self, request: HttpRequest, row: Withdrawal, name: str) -> bool:
        rule = approvals.why_not_approve if name == "approve" else approvals.why_not_reject
        return rule(row, request.user) is None  # type: ignore[arg-type]

    @admin.display(description="amount")
    def amount(self, row: Withdrawal) -> str:
        return coins(row.network.asset, row.units)

    @admin.display(description="waits for")
    def waits_for(self, row: Withdrawal) -> str:
        return ", ".join(progress.missing(row)) if row.state == Withdrawal.State.RESERVED else "-"

    @admin.display(description="approved by")
    def approved_by(self, row: Withdrawal) -> SafeString | str:
        found = [(a.operator, a.at, a.reason) for a in row.approvals.select_related("operator")]
        return format_html_join("", "<p>{} at {}: {}</p>", found) or "nobody"

    def has_decide_permission(self, request: HttpRequest, *_: object) -> bool:
        return request.user.has_perm(approvals.PERMISSION)

    @action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def decide(row: Withdrawal, form: dict[str, Any]) -> str:
            approvals.approve(row.pk, request.user, form["reason"], address_of(request))  # type: ignore[arg-type]
            return f"You have approved {row}; {row.approvals.count()} of {row.approvals_needed} operators have."

        return self._decide(request, object_id, "Approve", decide, ReasonForm)

    @action(description="Reject", permissions=["decide"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def decide(row: Withdrawal, form: dict[str, Any]) -> str:
            approvals.reject(row.pk, request.user, form["reason"], address_of(request))  # type: ignore[arg-type]
            return f"{row} is rejected; its money goes back."

        return self._decide(request, object_id, "Reject", decide, ReasonForm)


@admin.register(Deposit)
class DepositAdmin(AsksAdmin):
    list_display = ["id", "created_at", "account", "amount", "blockchain", "state", "held", "confirmations", "on_chain"]
    list_filter = ["state", "held", "blockchain", "on_chain"]
    search_fields = ["=id", "account__user__email", "=address", "=transaction_hash", "=engine_id"]
    list_select_related = ["account__user", "network__asset"]
    ordering = ["-id"]
    readonly_fields = ["amount"]
    actions_detail = ["assign"]

    def is_offered(self, request: HttpRequest, row: Deposit, name: str) -> bool:
        return deposits.waits_for_owner(row)

    @admin.display(description="amount")
    def amount(self, row: Deposit) -> str:
        return coins(row.network.asset, row.units)

    def has_decide_permission(self, request: HttpRequest, *_: object) -> bool:
        return request.user.has_perm(approvals.PERMISSION)

    @action(description="Give it to its owner", permissions=["decide"])
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def decide(row: Deposit, form: dict[str, Any]) -> str:
            account = Account.objects.filter(pk=form["account"], kind=Account.Kind.USER).first()
            if account is None:
                raise WrongState("There is no such account of a user.")
            if account.user_id == request.user.pk:
                raise WrongState("Nobody gives a deposit to themselves.")
            deposits.assign(row.pk, account)
            AuditEntry.objects.create(
                actor=request.user,
                action="wallet.deposit.assign",
                subject=f"{row} to account {account.pk}",
                reason=form["reason"],
                ip_address=address_of(request),
            )
            return f"{row} is {account}'s."

        return self._decide(request, object_id, "Give away", decide, OwnerForm)


@admin.register(WalletAlarm)
class WalletAlarmAdmin(AsksAdmin):
    empty_text = "No alarm has ever been raised: the wallet agrees with its chains, its signer and the engine."
    list_display = ["raised_at", "code", "subject", "stops", "resolved_at", "resolved_by"]
    list_filter = ["stops", ("resolved_at", admin.EmptyFieldListFilter), "code"]
    search_fields = ["subject", "detail"]
    ordering = ["resolved_at", "-id"]
    actions_detail = ["resolve"]

    def is_offered(self, request: HttpRequest, row: WalletAlarm, name: str) -> bool:
        return row.resolved_at is None

    def has_decide_permission(self, request: HttpRequest, *_: object) -> bool:
        return request.user.has_perm(approvals.PERMISSION)

    @action(description="Resolve", permissions=["decide"])
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """An alarm that stops the wallet lets it go on: only after the cause is gone."""

        def decide(row: WalletAlarm, form: dict[str, Any]) -> str:
            alarms.resolve(row, by=request.user, reason=form["reason"])  # type: ignore[arg-type]
            return "Resolved."

        return self._decide(request, object_id, "Resolve", decide, ReasonForm)


@admin.register(AssetNetwork)
class AssetNetworkAdmin(ModelAdmin):
    list_display = ["asset", "blockchain", "deposit_enabled", "withdraw_enabled", "confirmations", "fee", "two_above"]
    list_select_related = ["asset"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["asset", "blockchain"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="fee")
    def fee(self, row: AssetNetwork) -> str:
        return coins(row.asset, row.withdrawal_fee_units)

    @admin.display(description="two operators above")
    def two_above(self, row: AssetNetwork) -> str:
        return coins(row.asset, row.approval_above_units)

    def save_model(self, request: HttpRequest, obj: AssetNetwork, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        values = ", ".join(f"{name}={form.cleaned_data[name]}" for name in form.changed_data)
        AuditEntry.objects.create(
            actor=request.user,
            action="wallet.network.change",
            subject=str(obj),
            reason=values[:256],
            ip_address=address_of(request),
        )


@admin.register(OutboxCommand)
class OutboxCommandAdmin(ReadOnlyAdmin):
    list_display = ["id", "created_at", "key", "state", "number", "attempts", "refusal", "outcome_n", "finished_at"]
    list_filter = ["state", "kind"]
    search_fields = ["=key", "=number"]
    ordering = ["-id"]


@admin.register(DepositAddress)
class DepositAddressAdmin(ReadOnlyAdmin):
    list_display = ["address", "blockchain", "account", "created_at"]
    search_fields = ["=address", "account__user__email"]
    list_select_related = ["account__user"]


@admin.register(WithdrawalAddress)
class WithdrawalAddressAdmin(ReadOnlyAdmin):
    list_display = ["address", "blockchain", "account", "usable_from", "for_keys", "removed_at"]
    search_fields = ["=address", "account__user__email"]
    list_select_related = ["account__user"]


@admin.register(WithdrawalFreeze)
class WithdrawalFreezeAdmin(ReadOnlyAdmin):
    empty_text = "Nobody's withdrawals were held after a change of password or second factor."
    list_display = ["account", "until", "reason", "created_at"]
    search_fields = ["account__user__email"]
    list_select_related = ["account__user"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[WithdrawalFreeze]":
        return super().get_queryset(request).order_by("-until")
