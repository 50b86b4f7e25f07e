"""Published proofs for staff, to look at: nobody makes, changes or removes one here."""

from django.contrib import admin

from exchange_site.kernel.money import from_units
from marketdata.admin_base import ReadOnlyAdmin
from trading.liabilities.models import LiabilityProof
from trading.liabilities.proving import paths_kept_until


@admin.register(LiabilityProof)
class LiabilityProofAdmin(ReadOnlyAdmin):
    list_display = ["n", "at", "made_at", "totals", "commitment"]
    search_fields = ["=n", "=commitment"]
    ordering = ["-n"]
    readonly_fields = ["totals", "paths_until"]

    @admin.display(description="owed to customers")
    def totals(self, proof: LiabilityProof) -> str:
        return ", ".join(f"{from_units(root.units, root.decimals)} {root.asset}" for root in proof.parsed().roots)

    @admin.display(description="customers can verify until")
    def paths_until(self, proof: LiabilityProof) -> str:
        return paths_kept_until(proof).strftime("%Y-%m-%d %H:%M UTC")
