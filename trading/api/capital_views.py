"""Deposits and withdrawals over the API, in the shapes of `docs/rest.md`. Rules live in `accounts.wallet`."""

from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet, Value
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Account, LedgerPosting
from accounts.wallet import deposits, withdrawals
from accounts.wallet.addresses import unknown_chain
from accounts.wallet.chain import ChainError
from accounts.wallet.models import AssetNetwork, Deposit, Withdrawal
from accounts.wallet.withdrawals import Wish
from exchange_site.kernel.api_view import PrivateView, PublicView, paging_headers
from exchange_site.kernel.clock import iso_of, ms_of
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, MAINTENANCE, ApiError
from exchange_site.kernel.strict_json import NumberText
from marketdata.api import params as market_params
from marketdata.api import shapes
from marketdata.models import Asset
from trading.api import params
from trading.api.freshness import wait_for_own_writes
from trading.api.members import members_of

MAX_ID = 2**31 - 1
_BY_WALLET, _BY_OPERATOR = 0, 1


class Deposits(PrivateView):
    """What came from chains, from other accounts here, and from the operator. Newest first.

    The numbers of the first two are even and the venue's own; an operator's credit has an odd one of the account's.
    """

    def get(self, request: Request) -> Response:
        query = self.query()
        limit, offset = market_params.limit(query), market_params.offset(query)
        start, end = _window(query)
        headers = wait_for_own_writes()
        account_id = request.user.account_id
        own = Deposit.objects.filter(account_id=account_id)
        credited = LedgerPosting.objects.filter(account_id=account_id, kind=LedgerPosting.Kind.CREDIT, units__gt=0)
        rows, postings = _within(own, "created_at", start, end), _within(credited, "at", start, end)
        if params.flag(query, "excludePlatform"):
            rows, postings = rows.filter(internal=False), postings.none()
        keys = _keys(rows, F("created_at"), _BY_WALLET).union(_keys(postings, F("at"), _BY_OPERATOR), all=True)
        headers |= paging_headers(rows.count() + postings.count(), limit, offset)
        page = list(keys.order_by("-moment", "-pk")[offset : offset + limit])
        return self.answer(_deposit_objects(page, credited), headers)


def _window(query: market_params.Params) -> tuple[datetime | None, datetime | None]:
    return params.window(query, "to" if query.get("to") else "endTime")


def _within(rows: "QuerySet[Any]", column: str, start: datetime | None, end: datetime | None) -> "QuerySet[Any]":
    if start is not None:
        rows = rows.filter(**{f"{column}__gte": start})
    if end is not None:
        rows = rows.filter(**{f"{column}__lt": end})
    return rows


def _keys(rows: "QuerySet[Any]", moment: F, source: int) -> "QuerySet[Any]":
    return rows.order_by().annotate(moment=moment, source=Value(source)).values_list("moment", "pk", "source")


def _deposit_objects(page: list[tuple[datetime, int, int]], credited: "QuerySet[LedgerPosting]") -> list[Any]:
    own = [pk for _, pk, source in page if source == _BY_WALLET]
    posted = sorted(pk for _, pk, source in page if source == _BY_OPERATOR)
    deposits_by_pk = Deposit.objects.select_related("network__asset").in_bulk(own)
    postings_by_pk = LedgerPosting.objects.select_related("asset").in_bulk(posted)
    first = credited.filter(pk__lt=posted[0]).count() + 1 if posted else 0  # The page holds a run of them.
    numbers = {pk: number for number, pk in enumerate(posted, first)}
    return [
        _deposit_object(deposits_by_pk[pk]) if source == _BY_WALLET else _credit_object(postings_by_pk[pk], numbers[pk])
        for _, pk, source in page
    ]


_NOTHING = dict.fromkeys(("fiatAmount", "fiatCurrency", "institutionBic", "platformMemo"))
_CANCELLED = frozenset({Deposit.State.REVERSING, Deposit.State.REVERSED, Deposit.State.LOST})


def _deposit_object(row: Deposit) -> dict[str, Any]:
    status = "confirmed" if row.state == Deposit.State.CREDITED else "pending"
    if row.state in _CANCELLED or (row.state == Deposit.State.PENDING and not row.on_chain):
        status = "cancelled"
    return {
        "id": row.pk * 2,
        "toAddress": row.address,
        "fromAddress": None,
        "source": "internal" if row.internal else row.blockchain[:1].lower() + row.blockchain[1:],
        "status": status,
        "transactionHash": None if row.internal else row.transaction_hash,
        "symbol": row.network.asset.symbol,
        "quantity": row.network.asset.spec().format(row.units),
        "createdAt": iso_of(ms_of(row.created_at)),
        **_NOTHING,
    }


def _credit_object(row: LedgerPosting, number: int) -> dict[str, Any]:
    return {
        "id": number * 2 - 1,
        "toAddress": None,
        "fromAddress": None,
        "source": "administrator",
        "status": "confirmed",
        "transactionHash": None,
        "symbol": row.asset.symbol,
        "quantity": row.asset.spec().format(row.units),
        "createdAt": iso_of(ms_of(row.at)),
        **_NOTHING,
    }


class DepositAddress(PrivateView):
    """The account's own address on a chain: always the same one, and nobody else's."""

    def get(self, request: Request) -> Response:
        blockchain = self.query().get("blockchain", "")
        if not AssetNetwork.objects.filter(blockchain=blockchain.replace("\0", "")).exists():
            raise unknown_chain()
        account = Account.objects.get(pk=request.user.account_id)
        try:
            return self.answer({"address": deposits.address_of(account, blockchain).address})
        except KeyError:
            raise unknown_chain() from None
        except ChainError as error:
            message = "The node of this chain is away"
            raise ApiError(MAINTENANCE, message, {"executed": False}, {"Retry-After": "10"}) from error


class Withdrawals(PrivateView):
    """GET lists them, newest first. POST asks for one: its money has left `available` when the answer comes."""

    def get(self, request: Request) -> Response:
        query = self.query()
        limit, offset = market_params.limit(query), market_params.offset(query)
        start, end = _window(query)
        rows = Withdrawal.objects.filter(account_id=request.user.account_id).exclude(state=Withdrawal.State.REFUSED)
        number = market_params.whole(query, "id", most=MAX_ID)
        if number is not None:
            rows = rows.filter(pk=number)
        if query.get("clientId"):
            rows = rows.filter(client_id=query["clientId"]) if "\0" not in query["clientId"] else rows.none()
        rows = _within(rows, "created_at", start, end)
        headers = paging_headers(rows.count(), limit, offset)
        page = rows.select_related("network__asset").order_by("-pk")[offset : offset + limit]
        return self.answer([withdrawal_object(row) for row in page], headers)

    def post(self, request: Request) -> Response:
        request.user.demand("withdraw")
        body = members_of("POST", self.query_pairs(), request.data)
        if not isinstance(body, dict):
            raise ApiError(INVALID_CLIENT_REQUEST, "The body must be a JSON object")
        wish = Wish(
            symbol=_text(body, "symbol"),
            blockchain=_text(body, "blockchain"),
            address=_text(body, "address"),
            quantity=_text(body, "quantity", number=True),
            memo=_optional(body, "memo") or "",
            client_id=_optional(body, "clientId"),
            code=_optional(body, "twoFactorToken") or "",
            key_id=request.user.key_id,
            ip_address=request._request.META.get("REMOTE_ADDR") or None,
        )
        account = Account.objects.select_related("user").get(pk=request.user.account_id)
        row = withdrawals.request(account, wish)
        return self.answer(withdrawal_object(row), wait_for_own_writes())


def _text(body: dict[str, Any], name: str, *, number: bool = False) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise ApiError(INVALID_CLIENT_REQUEST, f"{name} is missing")
    if not isinstance(value, str) or (isinstance(value, NumberText) and not number):
        raise ApiError(INVALID_CLIENT_REQUEST, f"{name} must be a string")
    return str(value)


def _optional(body: dict[str, Any], name: str) -> str | None:
    """Some clients send digits as numbers here."""
    return None if body.get(name) in (None, "") else _text(body, name, number=True)


_STATUS = {Withdrawal.State.SETTLED: "confirmed", Withdrawal.State.RELEASED: "cancelled"}
_UNUSED = dict.fromkeys(
    (
        "identifier", "subaccountId", "providerId", "fiatFee", "fiatState", "fiatSymbol", "bankName", "bankIdentifier",
        "accountIdentifier", "triggerAt",
    )
)  # fmt: skip


def withdrawal_object(row: Withdrawal) -> dict[str, Any]:
    spec = row.network.asset.spec()
    return {
        "id": row.pk,
        "blockchain": row.network.blockchain,
        "clientId": row.client_id,
        "quantity": spec.format(row.units),
        "fee": spec.format(row.fee_units),
        "symbol": row.network.asset.symbol,
        "status": _STATUS.get(Withdrawal.State(row.state), "pending"),
        "toAddress": row.address,
        "transactionHash": row.transaction_hash or None,
        "createdAt": iso_of(ms_of(row.created_at)),
        "isInternal": row.to_account_id is not None,
        **_UNUSED,
    }


class Assets(PublicView):
    """Every asset with the chains it can come from and go to, and their rules."""

    def get(self, request: Request) -> Response:
        assets = Asset.objects.prefetch_related("networks")
        return self.answer([asset_object(asset) for asset in assets])


def asset_object(asset: Asset) -> dict[str, Any]:
    answer = shapes.asset_object(asset)
    spec, networks = asset.spec(), list(asset.networks.all())
    if networks:
        answer["tokens"] = [
            {
                "displayName": asset.name,
                "blockchain": row.blockchain,
                "contractAddress": "",
                "depositEnabled": row.deposit_enabled,
                "minimumDeposit": spec.format(row.minimum_deposit_units),
                "withdrawEnabled": row.withdraw_enabled,
                "minimumWithdrawal": spec.format(row.minimum_withdrawal_units),
                "maximumWithdrawal": None if row.daily_limit_units is None else spec.format(row.daily_limit_units),
                "withdrawalFee": spec.format(row.withdrawal_fee_units),
                "nativeDecimals": asset.decimals,
            }
            for row in sorted(networks, key=lambda row: row.blockchain)
        ]
    return answer
