"""What binds an account's trading, on its page: fee tier, blocks, dead man's switch, and what staff does about them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from accounts import trading_rights
from accounts.admin import AccountAdmin
from accounts.models import Account
from marketdata.admin_pages import Page, ReasonForm, Table, decide_page, two_person_notice
from marketdata.models import Market
from marketdata.rules import MAX_TIER
from marketdata.selectors import listed_markets
from marketdata.staff_acts import By
from trading.models import AccountBlock, AccountRules
from trading.venue import open_order_count, rules_in_words

ALL_MARKETS = ""


class TierForm(ReasonForm):
    field_order = ["tier", "reason"]
    tier = forms.IntegerField(
        min_value=0,
        max_value=MAX_TIER,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Of fees, for orders from now on. 0 is everybody without a tier.",
    )


class MarketsForm(ReasonForm):
    """One market or all of them."""

    field_order = ["market", "reason"]
    market = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *arguments: Any, choices: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.fields["market"].choices = choices  # type: ignore[attr-defined]

    def clean_market(self) -> Market | None:
        symbol = self.cleaned_data["market"]
        if symbol not in dict(self.fields["market"].choices):  # type: ignore[attr-defined]
            raise forms.ValidationError("Choose one.")
        return Market.objects.get(symbol=symbol) if symbol else None


admin.site.unregister(Account)


@admin.register(Account)
class TradingAccountAdmin(AccountAdmin):
    """The page of `accounts`, with what the engine says about the account's trading."""

    fields = [*AccountAdmin.fields, "rules"]  # type: ignore[misc]
    readonly_fields = [*AccountAdmin.readonly_fields, "rules"]  # type: ignore[misc]
    actions_detail = ["block", "unblock", "cancel_all", "set_tier"]

    def is_offered(self, request: HttpRequest, row: Account, name: str) -> bool:
        """Accounts of the venue do not trade, and only what is blocked can be unblocked."""
        if name == "unblock" and not AccountBlock.objects.filter(account_id=row.pk).exists():
            return False
        return bool(row.kind == Account.Kind.USER)

    @admin.display(description="trading")
    def rules(self, account: Account) -> SafeString:
        return format_html_join("", "<p>{}</p>", ((line,) for line in rules_in_words(account.pk)))

    @action(description="Block", permissions=["change"], icon="block", variant=ActionVariant.DANGER)
    def block(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = self._account(request, object_id)
        page = Page(f"Block {account}", self._back(account), MarketsForm, options={"choices": _every_market()})
        page.notice = "No new orders and changes from then on. Open orders stay; conditional ones fail when they fire."
        page.danger, page.tables = True, [_table(account)]
        return decide_page(
            request, self._context(request), page, lambda typed, by: trading_rights.block(account, typed["market"], by)
        )

    @action(description="Unblock", permissions=["change"], icon="lock_open")
    def unblock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = self._account(request, object_id)
        blocks = AccountBlock.objects.filter(account_id=account.pk).order_by("market")
        choices = [(row.market, row.market or "The block of all markets") for row in blocks]
        page = Page(f"Unblock {account}", self._back(account), MarketsForm, options={"choices": choices})
        page.notice, page.tables = two_person_notice(), [_table(account)]
        if not choices:
            messages.info(request, f"{account} is not blocked anywhere.")
            return redirect(page.back)
        return decide_page(
            request,
            self._context(request),
            page,
            lambda typed, by: trading_rights.ask_to_unblock(account, typed["market"], by),
        )

    @action(description="Cancel all orders", permissions=["change"], icon="delete_sweep", variant=ActionVariant.DANGER)
    def cancel_all(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = self._account(request, object_id)

        def cancel(typed: dict[str, Any], by: By) -> str:
            count = trading_rights.cancel_all(account, typed["market"], by)
            return f"{count} orders of {account} are cancelled."

        page = Page(f"Cancel all orders of {account}", self._back(account), MarketsForm)
        page.options, page.danger = {"choices": _every_market()}, True
        page.tables = [{"headers": ["Market", "Open orders"], "rows": open_order_count(account.pk)}]
        return decide_page(request, self._context(request), page, cancel)

    @action(description="Fee tier", permissions=["change"], icon="percent")
    def set_tier(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = self._account(request, object_id)
        row = AccountRules.objects.filter(pk=account.pk).first()
        page = Page(f"Fee tier of {account}", self._back(account), TierForm, {"tier": row.tier if row else 0})
        page.submit = "Change the tier"
        return decide_page(
            request, self._context(request), page, lambda typed, by: trading_rights.set_tier(account, typed["tier"], by)
        )

    def _account(self, request: HttpRequest, object_id: str) -> Account:
        account: Account | None = self.get_object(request, object_id)
        if account is None:
            raise Http404(object_id)
        return account

    @staticmethod
    def _back(account: Account) -> str:
        return reverse("admin:accounts_account_change", args=[account.pk])

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": Account._meta}


def _every_market() -> list[tuple[str, str]]:
    return [(ALL_MARKETS, "All markets"), *((market.symbol, market.symbol) for market in listed_markets())]


def _table(account: Account) -> Table:
    rows = [
        [row.market or "all markets", f"{row.since:%d %b %H:%M} UTC", row.actor, row.reason]
        for row in AccountBlock.objects.filter(account_id=account.pk).order_by("market")
    ]
    return {"headers": ["Blocked in", "Since", "By", "Reason"], "rows": rows}
