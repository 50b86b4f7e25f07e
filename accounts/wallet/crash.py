"""Dying at a chosen point, for the tests that kill each step of a withdrawal (`WALLET_CRASH_AT=outbox_sent`)."""

import os
import signal

from django.conf import settings

POINTS = (
    "requested",  # The withdrawal and its wish to reserve are on disk.
    "outbox_numbered",  # The number is on disk, nothing has been sent.
    "outbox_answered",  # The engine has decided, nobody has written it down.
    "outbox_finished",
    "signer_journaled",  # The signed transaction is in the signer's journal only.
    "signer_committed",  # It is in the database as well, not yet sent.
    "signer_broadcast",  # The chain has it, nobody has written it down.
    "signer_sent",
    "settle_enqueued",
    "deposit_seen",
    "credit_enqueued",
)


def passed(point: str) -> None:
    assert point in POINTS, point
    if point == settings.WALLET_CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
