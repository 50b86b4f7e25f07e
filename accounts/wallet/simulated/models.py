"""The simulated chains' own tables: they stand for a network outside, so nothing of the wallet refers to them."""

from django.db import models
from django.db.models import Q


class SimulatedChain(models.Model):
    """One chain. `height` is that of its best block; the key is the venue's wallet's, whose secret the signer has."""

    blockchain = models.CharField(max_length=32, primary_key=True)
    height = models.BigIntegerField(default=0)
    counter = models.BigIntegerField(default=0, help_text="Makes the next hash, so a session can be repeated.")
    wallet_public_key = models.CharField(max_length=64, blank=True)


class SimulatedBlock(models.Model):
    hash = models.CharField(max_length=64, primary_key=True)
    chain = models.ForeignKey(SimulatedChain, on_delete=models.CASCADE, related_name="blocks")
    height = models.BigIntegerField()
    parent_hash = models.CharField(max_length=64, blank=True)
    is_best = models.BooleanField(default=True, help_text="On the best branch; false after a reorganisation.")
    mined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chain", "height"], condition=Q(is_best=True), name="one_best_block_per_height"
            )
        ]


class SimulatedTransaction(models.Model):
    """A transfer. (`sender`, `nonce`) is what it spends: of two with the same, only one can be on the best branch."""

    hash = models.CharField(max_length=64, primary_key=True)
    chain = models.ForeignKey(SimulatedChain, on_delete=models.CASCADE, related_name="transactions")
    sender = models.CharField(max_length=128)
    nonce = models.BigIntegerField()
    fee_units = models.BigIntegerField(default=0)
    fee_asset = models.CharField(max_length=12, blank=True)
    block = models.ForeignKey(
        SimulatedBlock, on_delete=models.SET_NULL, null=True, blank=True, related_name="transactions"
    )
    evicted = models.BooleanField(default=False, help_text="No node offers it any more; it can be sent again.")
    seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["chain", "sender", "nonce"], name="simulated_spend")]


class SimulatedOutput(models.Model):
    transaction = models.ForeignKey(SimulatedTransaction, on_delete=models.CASCADE, related_name="outputs")
    index = models.PositiveIntegerField()
    address = models.CharField(max_length=128)
    asset = models.CharField(max_length=12)
    units = models.BigIntegerField()
    memo = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transaction", "index"], name="simulated_output_once")]
        indexes = [models.Index(fields=["address"], name="simulated_by_address")]
