"""What the venue says of itself and its terms: reserves as last proven, fees by tier (docs/ledger.md, fees.md)."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Account
from accounts.wallet.value import CENTS, VALUED_IN
from exchange_site.kernel.api_view import PrivateView, PublicView
from exchange_site.kernel.clock import iso_of, ms_of
from exchange_site.kernel.money import from_units
from marketdata.selectors import listed_markets
from trading.fee_tiers import standing
from trading.ledger import monitor

PPM_DECIMALS_OF_BPS = 2  # One basis point is 100 parts per million.


class Reserves(PublicView):
    """Asset by asset what the wallets held and what was owed when all of it was last found equal."""

    def get(self, request: Request) -> Response:
        self.query()
        proof = monitor.last_proof()
        if proof is None:
            return self.answer({"outcome": None, "timestamp": None, "assets": []})
        return self.answer(
            {
                "outcome": str(proof.n),
                "timestamp": iso_of(ms_of(proof.at)),
                "assets": [_reserve(line) for line in monitor.proven_lines(proof)],
            }
        )


def _reserve(line: monitor.ProvenLine) -> dict[str, str]:
    text = line.asset.spec().format
    return {
        "symbol": line.asset.symbol,
        "held": text(line.held),
        "owed": text(line.owed),
        "coming": text(line.coming),
        "leaving": text(line.leaving),
        "difference": text(line.difference),
    }


class Fees(PublicView):
    """Every market's fees by tier, in basis points, and from which volume a tier is given."""

    def get(self, request: Request) -> Response:
        self.query()
        return self.answer([{"symbol": market.symbol, "tiers": _tiers(market)} for market in listed_markets()])


def _tiers(market: Any) -> list[dict[str, Any]]:
    return [
        {
            "tier": row.tier,
            "fromVolume": None if row.from_cents is None else from_units(row.from_cents, CENTS),
            "makerFee": from_units(row.maker_ppm, PPM_DECIMALS_OF_BPS),
            "takerFee": from_units(row.taker_ppm, PPM_DECIMALS_OF_BPS),
        }
        for row in standing.fees_by_tier(market, standing.tiers_shown())
    ]


class FeeTier(PrivateView):
    """Where the account stands: its tier, its volume of thirty days, and what is missing to the next."""

    def get(self, request: Request) -> Response:
        self.query()
        found = standing.standing_of(Account.objects.get(pk=request.user.account_id))
        missing = found.missing_cents
        return self.answer(
            {
                "tier": found.tier,
                "volume": from_units(found.cents, CENTS),
                "valuedIn": VALUED_IN,
                "until": found.until.isoformat(),
                "nextTier": found.next_tier,
                "missingVolume": None if missing is None else from_units(missing, CENTS),
            }
        )
