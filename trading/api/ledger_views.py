"""The ledger over the API: every change of what the account owns (docs/history.md). Ours; the contract has none."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ledger.models import WalletEntry
from exchange_site.kernel.api_view import PrivateView
from exchange_site.kernel.clock import iso_of, ms_of
from exchange_site.kernel.errors import INVALID_ASSET, MAINTENANCE, ApiError
from marketdata.api import params as market_params
from marketdata.models import Asset
from matching.messages import MAX_INT
from trading.api import params
from trading.api.freshness import wait_for_own_writes
from trading.history.kinds import KINDS, TooSlow, newest
from trading.history.lines import LedgerLine
from trading.history.wishes import LEDGER_KINDS, Wish


class Ledger(PrivateView):
    """Newest first; older ones with `before`, which stays quick however far back one goes."""

    def get(self, request: Request) -> Response:
        query = self.query()
        kind = market_params.word(query, "kind", tuple(LEDGER_KINDS)) if query.get("kind") else None
        wish = Wish(
            asset_id=_asset_id(query.get("symbol", "")),
            kind=kind,
            since=params.moment(query, "from"),
            until=params.moment(query, "to"),
            before=market_params.whole(query, "before", most=MAX_INT),
        )
        limit = market_params.limit(query)
        headers = wait_for_own_writes()
        try:
            rows = newest(KINDS["ledger"], request.user.account_id, wish, limit)
        except TooSlow:
            message = "This looks through too much at once; ask for fewer kinds or a shorter time"
            raise ApiError(MAINTENANCE, message) from None
        return self.answer([_object(row) for row in rows], headers)


class WalletLedger(PrivateView):
    """What the wallet booked for the account's deposits and withdrawals (docs/ledger.md), newest first."""

    def get(self, request: Request) -> Response:
        query = self.query()
        rows = WalletEntry.objects.filter(account_id=request.user.account_id).select_related("asset")
        if (asset_id := _asset_id(query.get("symbol", ""))) is not None:
            rows = rows.filter(asset_id=asset_id)
        if (before := market_params.whole(query, "before", most=MAX_INT)) is not None:
            rows = rows.filter(pk__lt=before)
        return self.answer([_wallet_object(row) for row in rows.order_by("-pk")[: market_params.limit(query)]])


def _wallet_object(row: WalletEntry) -> dict[str, object]:
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "symbol": row.asset.symbol,
        "quantity": row.asset.spec().format(row.units),
        "from": row.payer,
        "to": row.payee,
        "blockchain": row.blockchain or None,
        "depositId": None if row.deposit_id is None else str(row.deposit_id),
        "withdrawalId": None if row.withdrawal_id is None else str(row.withdrawal_id),
        "outcome": None if row.outcome_n is None else str(row.outcome_n),
        "reference": row.reference,
        "timestamp": iso_of(ms_of(row.at)),
    }


def _asset_id(symbol: str) -> int | None:
    if not symbol:
        return None
    found = Asset.objects.filter(symbol=symbol.replace("\0", "")).values_list("pk", flat=True).first()
    if found is None:
        raise ApiError(INVALID_ASSET)
    return int(found)


def _object(row: LedgerLine) -> dict[str, object]:
    return {
        "id": str(row.id),
        "event": str(row.seq),
        "kind": row.kind,
        "symbol": row.asset.symbol,
        "change": row.asset.spec().format(row.units),
        "market": row.market or None,
        "orderId": None if row.order_id is None else str(row.order_id),
        "reference": row.reference,
        "timestamp": iso_of(ms_of(row.at)),
    }
