"""The ledger's view as a model, to read by. Nobody writes it: postings and fills are written instead."""

from django.db import models

from accounts.models import Account, LedgerPosting
from marketdata.models import Asset


class LedgerEntry(models.Model):
    """One leg of a double entry: `units` come to the account or leave it; the legs of an event sum to zero per asset.

    `id` is event number x 8 + leg. Without a bound on account or event the view reads every fill there is.
    """

    id = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=LedgerPosting.Kind.choices)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    units = models.BigIntegerField()
    reference = models.CharField(max_length=64, blank=True)

    class Meta:
        managed = False
        db_table = "trading_ledgerentry"
        verbose_name_plural = "ledger entries"
