"""The audit by itself: it accepts a true record, and notices every way of spoiling one."""

import pytest

from exchange_site.chaos import ablations, audit, workload
from exchange_site.chaos.ledger import Asked, Told
from exchange_site.chaos.reader import Seen, orders_of
from matching.client.dump import describe
from matching.core.engine import Engine
from matching.messages import CreditDeposit, OrderReply, RefusalReason, Refused, SettleWithdrawal
from matching.tests.published import START_MS

REQUESTS = 400


class Records:
    """What clients, reader and journal would hold after a flow that went well."""

    def __init__(self, seed: int) -> None:
        self.engine = Engine()
        self.asked: dict[str, Asked] = {}
        self.seen: dict[int, Seen] = {}
        self.keys: dict[str, str | None] = {}
        wishes = workload.Wishes(seed, 0)
        for command in workload.opening():
            self._run(command, wishes)
        for _ in range(REQUESTS):
            for command in wishes.next():
                self._run(command, wishes)

    def _run(self, command, wishes) -> None:
        name = f"{len(self.keys)}-0/0"
        applied = self.engine.apply(command, name, START_MS + len(self.keys))
        self.keys[name] = command.idempotency_key
        outcome = applied.outcome
        self.seen[applied.n] = Seen(name, outcome.refusal, orders_of(outcome))
        told = Told(applied.n, False, applied.reply, 0.0)
        self.asked[command.idempotency_key] = Asked(command.idempotency_key, command, 0.0, sends=1, answers=[told])
        wishes.events.extend(outcome.events)

    def dump(self):
        return describe(self.engine, bytes(32))


@pytest.fixture(scope="module")
def records() -> Records:
    return Records(7)


def everything(records: Records) -> list[str]:
    return [
        *audit.check_answers(records.asked, records.seen, records.keys),
        *audit.check_executions(records.asked, records.seen, records.keys),
        *audit.check_money(records.asked, records.dump()),
    ]


def test_a_true_record_has_no_findings(records: Records):
    assert everything(records) == []


def test_the_flow_is_worth_auditing(records: Records):
    replies = [one.answers[0].reply for one in records.asked.values()]
    done = {type(one.command) for one in records.asked.values() if not isinstance(one.answers[0].reply, Refused)}
    assert sum(isinstance(reply, OrderReply) for reply in replies) > REQUESTS / 4
    assert {CreditDeposit, SettleWithdrawal} <= done


def test_what_is_still_reserved_is_known_by_the_clients_record_alone(records: Records):
    """A reservation that the campaign ends with stands in the engine and has no row of a wallet."""
    mine = {(one.withdrawal_id, one.account_id, one.asset, one.units) for one in audit.still_reserved(records.asked)}
    engines = records.dump()["withdrawals"]
    assert mine == {(row["withdrawal_id"], row["account_id"], row["asset"], row["units"]) for row in engines}
    assert mine


def test_no_ablation_goes_unnoticed(records: Records):
    blind, tried = ablations.blind_spots(records.asked, records.seen, records.keys, records.dump())
    assert blind == []
    assert tried >= 10


def test_g02_a_retry_with_the_stored_answer_is_no_finding(records: Records):
    key = next(key for key, one in records.asked.items() if one.final())
    one = records.asked[key]
    one.answers.append(one.answers[0]._replace(replayed=True))
    assert everything(records) == []


def test_what_expired_in_the_queue_may_be_asked_again(records: Records):
    """Refused without being remembered, so the same key may have two outcomes, of which one did something."""
    key = next(key for key, one in records.asked.items() if isinstance(one.answers[0].reply, OrderReply))
    n, name = max(records.seen) + 1, "late-0/0"
    seen = {**records.seen, n: Seen(name, RefusalReason.EXPIRED_IN_QUEUE, ())}
    keys = {**records.keys, name: key}
    one = records.asked[key]
    late = Told(n, False, Refused(reason=RefusalReason.EXPIRED_IN_QUEUE), 0.0)
    asked = {**records.asked, key: Asked(key, one.command, 0.0, answers=[*one.answers, late])}
    assert audit.check_answers(asked, seen, keys) == audit.check_executions(asked, seen, keys) == []


def test_an_entry_that_was_journaled_twice_is_found():
    from exchange_site.chaos.history import Journaled

    keys, findings = audit.check_journal([Journaled("1-0/0", "a"), Journaled("1-0/1", "b"), Journaled("1-0/0", "a")])
    assert keys == {"1-0/0": "a", "1-0/1": "b"}
    assert findings == ["doubled: 1-0/0 stands in the journal 2 times."]


def test_sources_that_end_elsewhere_are_named():
    findings = audit.check_chains(log=(5, "aa"), database=(4, "bb"))
    assert findings == ["chain: log ends at 5 (aa), database ends at 4 (bb)."]
