"""The wallet's scheduled work. Every task may run twice and at the same time as another: see what each one calls."""

import logging

from celery import shared_task
from django.conf import settings

from accounts.wallet import alarms, deposits, progress
from accounts.wallet.chain import ChainError
from accounts.wallet.drainer import drain
from accounts.wallet.locks import only_one
from accounts.wallet.models import Deposit, Withdrawal
from accounts.wallet.simulated.network import Network
from accounts.wallet.wake import wake

log = logging.getLogger(__name__)


@shared_task
def advance() -> int:
    """Send what the engine is still to be told, and move every withdrawal on that can. The sweeper of both."""
    with only_one("advance") as mine:
        if not mine:
            return 0
        done = drain()
        done += progress.advance_all()
        return done + drain()


@shared_task
def drain_outbox() -> int:
    """Tell the engine what waits, for somebody who waits for its answer."""
    return drain()


def advance_soon() -> None:
    """For a page: at once, or by Celery where this process may not write the wallet's ledger."""
    if settings.WALLET_DRAINS_HERE:
        advance()
    else:
        wake()


@shared_task
def scan_chains() -> int:
    """Read every chain; one that is away does not keep the others from being read."""
    found = 0
    for blockchain in settings.WALLET_CHAINS:
        if settings.WALLET_CHAINS[blockchain] == "simulated" and settings.WALLET_SIMULATED_BLOCKS:
            _mine_what_waits(blockchain)
        try:
            found += deposits.scan(blockchain)
        except ChainError as error:
            log.warning("The chain %s could not be read: %s", blockchain, error)
    if alarms.stopped_by() is None:
        drain()
    return found


@shared_task
def book_dust() -> int:
    """What a person gave an owner and is below the minimum becomes dust in the ledger."""
    return deposits.book_dust()


def _mine_what_waits(blockchain: str) -> None:
    """In a demo blocks come by themselves while anybody waits for one, and not when nobody does."""
    waits = Deposit.objects.filter(blockchain=blockchain, on_chain=True, state=Deposit.State.PENDING)
    sent = Withdrawal.objects.filter(network__blockchain=blockchain, state=Withdrawal.State.SENT)
    network = Network(blockchain)
    if network.has_waiting() or waits.filter(held="").exists() or sent.exists():
        network.mine()
