"""Published proofs, which stay for ever, and what paths are made from, which goes after a while."""

from django.db import models

from trading.liabilities.statement import Statement, parse


class LiabilityProof(models.Model):
    """What was published. A trigger refuses every change and removal."""

    n = models.BigIntegerField(primary_key=True, help_text="Outcome number that the balances belong to.")
    at = models.DateTimeField(help_text="Log time of that outcome.")
    made_at = models.DateTimeField(auto_now_add=True)
    statement = models.TextField(help_text="The published text.")
    commitment = models.CharField(max_length=64, unique=True, help_text="Its SHA-256.")

    class Meta:
        ordering = ["-n"]

    def __str__(self) -> str:
        return f"Liabilities at outcome {self.n}"

    def parsed(self) -> Statement:
        return parse(self.statement)


class LiabilitySeed(models.Model):
    """Salts, order and padding of a proof come from it. Removed with the chunks; then nobody can open a leaf."""

    proof = models.OneToOneField(LiabilityProof, on_delete=models.PROTECT, primary_key=True, related_name="seed")
    seed = models.BinaryField()


class LiabilityChunk(models.Model):
    """A run of leaves of an asset's tree, with the node above it (`trading.liabilities.tree.Chunk`)."""

    pk = models.CompositePrimaryKey("proof_id", "asset", "number")
    proof = models.ForeignKey(LiabilityProof, on_delete=models.PROTECT, db_index=False, related_name="chunks")
    asset = models.CharField(max_length=12)
    number = models.IntegerField()
    first_key = models.BinaryField()
    records = models.BinaryField()
    top_hash = models.BinaryField()
    top_units = models.BigIntegerField()
