"""What trading and withdrawing cost, for everybody; and for somebody with an account, where they stand."""

from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.wallet.models import AssetNetwork
from accounts.wallet.value import CENTS, VALUED_IN
from exchange_site.kernel.money import from_units
from marketdata.selectors import listed_markets
from trading.fee_tiers.standing import fees_by_tier, standing_of, tier_of, tiers_shown

PPM_OF_A_PERCENT = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class TierRow:
    """One line of a schedule, as text; `is_yours` for the tier that the reader has."""

    tier: int
    volume: str
    maker: str
    taker: str
    is_yours: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """Markets that cost the same, and what they cost."""

    markets: list[str]
    rows: list[TierRow]


@dataclass(frozen=True, slots=True)
class Standing:
    """The reader's own: amounts as text. `missing` is empty at the highest tier."""

    tier: int
    volume: str
    until: str
    next_tier: int | None
    missing: str


@require_safe
def fees(request: HttpRequest) -> HttpResponse:
    account = Account.objects.filter(user_id=request.user.pk).first() if request.user.is_authenticated else None
    yours = None if account is None else tier_of(account)
    context = {
        "section": "fees",
        "schedules": _schedules(yours),
        "valued_in": VALUED_IN,
        "standing": _standing(account) if account is not None else None,
        "networks": _networks(),
    }
    return render(request, "trading/fees.html", context)


def _schedules(yours: int | None) -> list[Schedule]:
    """Tiers by volume, and the reader's own where staff gave another. Markets that cost the same share a table."""
    shown = tiers_shown(yours)
    grouped: dict[tuple[TierRow, ...], list[str]] = {}
    for market in listed_markets():
        rows = []
        for row in fees_by_tier(market, shown):
            volume = "by agreement" if row.from_cents is None else money(row.from_cents)
            yours_too = row.tier == yours
            rows.append(TierRow(row.tier, volume, percent(row.maker_ppm), percent(row.taker_ppm), yours_too))
        grouped.setdefault(tuple(rows), []).append(market.symbol.replace("_", "/"))
    return [Schedule(markets, list(rows)) for rows, markets in grouped.items()]


def _standing(account: Account) -> Standing:
    found = standing_of(account)
    missing = "" if found.missing_cents is None else money(found.missing_cents)
    return Standing(found.tier, money(found.cents), f"{found.until:%-d %B %Y}", found.next_tier, missing)


def _networks() -> list[dict[str, str]]:
    rows = AssetNetwork.objects.select_related("asset").order_by("asset__symbol", "blockchain")
    return [
        {
            "symbol": row.asset.symbol,
            "chain": row.blockchain,
            "withdrawal": row.asset.spec().format(row.withdrawal_fee_units),
            "least_withdrawal": row.asset.spec().format(row.minimum_withdrawal_units),
            "least_deposit": row.asset.spec().format(row.minimum_deposit_units),
            "confirmations": str(row.confirmations),
        }
        for row in rows
    ]


def percent(ppm: int) -> str:
    """Parts per million as percent with as many digits as it takes; a rebate has a minus."""
    return f"{(Decimal(ppm) / PPM_OF_A_PERCENT).normalize():f} %".replace("-", "\N{MINUS SIGN}")


def money(cents: int) -> str:
    """Whole coins with a comma between thousands; cents only where there are any."""
    whole, part = f"{cents // 10**CENTS:,}", cents % 10**CENTS
    return f"{whole}.{from_units(part, CENTS).partition('.')[2]:0<2}" if part else whole
