"""kill -9 at each step of a deposit and of a withdrawal, with a real engine process on its journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Balance
from accounts.tests.wallet.processes import Engines, Processes
from accounts.tests.wallet.rig import OUTSIDE, SOL, Rig
from accounts.wallet import crash, deposits, tasks
from accounts.wallet.models import Deposit, OutboxCommand, SignedPayment, Withdrawal
from accounts.wallet.signer import Signer
from accounts.wallet.simulated.models import SimulatedOutput
from exchange_site.kernel import redis_names
from matching.client import blocking
from matching.client.dump import engine_dump
from matching.messages import CreditAccount, FundHouse, ListAsset, Refused
from matching.tests.runtime.processes import wait_until

STAFF = {"actor": "test", "reason": "test"}
HAD = 100 * SOL
REQUEST_POINTS = ("requested", "outbox_numbered", "outbox_answered", "outbox_finished")
SIGNER_POINTS = ("signer_journaled", "signer_committed", "signer_broadcast", "signer_sent")


class Venue(Rig):
    """The rig on a real engine instead of the core in a thread."""

    def __init__(self, log: Any, folder: Path) -> None:
        self.log = log
        super().__init__(log)
        log.flushdb()  # What the core in the rig had said is not this engine's.
        self.engines = Engines(folder, log)
        self.start_engine()
        commands = [
            ListAsset(symbol="SOL", decimals=9, **STAFF),
            FundHouse(asset="SOL", units=10**15, reference="x", **STAFF),
            CreditAccount(account_id=self.alice.pk, asset="SOL", units=HAD, reference="x", **STAFF),
        ]
        answers = blocking.send_many(commands)
        assert not any(isinstance(answer.reply, Refused) for answer in answers)
        Balance.objects.filter(account=self.alice, asset=self.sol).update(available_units=HAD)

    def now(self, account: Any) -> tuple[int, int]:
        n = int(self.log.hget(redis_names.ENGINE, "n"))
        dump = engine_dump(n)
        rows = {row["account_id"]: row for row in dump["balances"] if row["asset"] == "SOL"}
        row = rows.get(account.pk)
        return (row["available_units"], row["locked_units"]) if row else (0, 0)

    def kill_engine(self) -> None:
        self.process.kill()
        self.process.wait()
        self.start_engine()

    def start_engine(self) -> None:
        """A busy machine may need a while for it."""
        self.process = self.engines.start(wait=False)

        def ready() -> bool:
            return "Engine ready" in self.engines.log_of(self.process) or self.process.poll() is not None

        wait_until(ready, "the start of the engine", 120)


@pytest.fixture
def venue(transactional_db: None, log: Any, tmp_path: Path, settings: Any) -> Iterator[Venue]:
    settings.SIGNER_DIR = str(tmp_path / "signer")
    settings.JOURNAL_DIR, settings.SNAPSHOT_DIR = tmp_path / "journal", tmp_path / "snapshots"
    venue = Venue(log, tmp_path)
    try:
        venue.chain.send(deposits.chain_of("Solana").wallet_address(), "SOL", 1_000 * SOL, memo=deposits.TREASURY_MEMO)
        venue.chain.mine()
        yield venue
    finally:
        venue.engines.close()


def die(run: Processes, point: str) -> None:
    """The process that does this step, killed in it."""
    if point in SIGNER_POINTS:
        run.signer(point)
    else:
        run.task("advance", point)
    assert run.deaths == 1, f"nothing died at {point}"


def go_on(venue: Venue, rounds: int = 3) -> None:
    """What every process does by itself after a death: here those that live."""
    for _ in range(rounds):
        OutboxCommand.objects.update(doubt_until=None)
        tasks.advance()
        signer = Signer()
        signer.run_once()
        signer.journal.close()
        venue.chain.mine(3)


@pytest.mark.parametrize("point", [*REQUEST_POINTS, *SIGNER_POINTS, "settle_enqueued"])
def test_f26_g20_killed_at_each_step_a_withdrawal_is_paid_once(venue: Venue, tmp_path: Path, point: str) -> None:
    run = Processes(tmp_path)
    venue.trust()
    if point in REQUEST_POINTS:
        run.request(venue.alice.pk, OUTSIDE, crash_at=point)
        assert run.deaths == 1, f"nothing died at {point}"
    else:
        venue.ask("5", client_id="once")
        tasks.advance()
        if point == "settle_enqueued":
            go_on(venue, rounds=1)
        die(run, point)
    venue.ask("5", client_id="once")  # Its client asks again, with the same id.
    go_on(venue)
    row = Withdrawal.objects.get()
    assert row.state == "settled"
    assert list(SimulatedOutput.objects.filter(address=OUTSIDE).values_list("units", flat=True)) == [
        5 * SOL - SOL // 100
    ]
    assert venue.now(venue.alice) == (HAD - 5 * SOL, 0)
    assert SignedPayment.objects.count() == 1


@pytest.mark.parametrize("point", ["deposit_seen", "credit_enqueued", *REQUEST_POINTS[1:]])
def test_f26_killed_at_each_step_a_deposit_is_credited_once(venue: Venue, tmp_path: Path, point: str) -> None:
    run = Processes(tmp_path)
    venue.chain.send(deposits.address_of(venue.alice, "Solana").address, "SOL", 7 * SOL)
    venue.chain.mine(3)
    run.task("scan_chains", point)
    assert run.deaths == 1, f"nothing died at {point}"
    for _ in range(2):
        OutboxCommand.objects.update(doubt_until=None)
        tasks.scan_chains()
    assert Deposit.objects.get().state == "credited"
    assert venue.now(venue.alice) == (HAD + 7 * SOL, 0)


def test_f01_the_engine_killed_between_the_steps_changes_nothing(venue: Venue, tmp_path: Path) -> None:
    run = Processes(tmp_path)
    venue.trust()
    run.request(venue.alice.pk, OUTSIDE, crash_at="outbox_answered")
    venue.kill_engine()
    go_on(venue)
    assert Withdrawal.objects.get().state == "settled"
    assert venue.now(venue.alice) == (HAD - 5 * SOL, 0)
    venue.kill_engine()
    assert venue.now(venue.alice) == (HAD - 5 * SOL, 0)


def test_every_point_of_death_is_tried_here() -> None:
    tried = {*REQUEST_POINTS, *SIGNER_POINTS, "settle_enqueued", "deposit_seen", "credit_enqueued"}
    assert tried == set(crash.POINTS)
