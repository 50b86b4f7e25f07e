"""What a rebuilt engine knows of the wallet (G24): numbers, reservations, and a command whose answer is lost."""

import pytest
from django.utils import timezone

from accounts.models import Account, LedgerPosting, User
from accounts.wallet.models import OutboxCommand
from exchange_site.ops.rebuild import RebuildRefused
from exchange_site.ops.rebuild.wallet import possible_states
from marketdata.models import Asset

pytestmark = pytest.mark.django_db
N = 100
RESERVE = {"account_id": 10, "asset": "SOL", "units": 500, "fee_units": 20, "withdrawal_id": 7}
CREDIT = {"account_id": 10, "asset": "SOL", "units": 900, "deposit_id": 3}


def command(number, kind, members, outcome_n=None):
    state = "sent" if outcome_n is None else "done"
    return OutboxCommand.objects.create(
        key=f"{kind}:{number}", kind=kind, command=members, number=number, outcome_n=outcome_n, state=state
    )


def post(reference):
    """The ledger shows that a deposit was credited."""
    sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    account = Account.objects.create(id=10, user=User.objects.create_user("alice@example.org"))
    both = ((80, account.pk, 900), (81, 3, -900))
    LedgerPosting.objects.bulk_create(
        LedgerPosting(
            id=pk,
            seq=10,
            at=timezone.now(),
            kind="deposit",
            account_id=owner,
            asset=sol,
            units=units,
            reference=reference,
        )
        for pk, owner, units in both
    )


def test_without_a_wallet_there_is_nothing_to_know():
    [only] = possible_states(N)
    assert (only.number, only.log, only.reserved) == (0, [], {})


def test_what_was_answered_is_known_by_number():
    command(1, "credit", CREDIT, outcome_n=40)
    command(2, "reserve", RESERVE, outcome_n=60)
    [only] = possible_states(N)
    assert only.number == 2
    assert only.log == [(1, "deposit", "3"), (2, "reserve", "7")]
    assert only.reserved == {7: (10, "SOL", 500, 20)}


def test_an_answer_that_the_database_does_not_reach_is_refused():
    command(1, "reserve", RESERVE, outcome_n=N + 1)
    with pytest.raises(RebuildRefused, match="answered by outcome 101"):
        list(possible_states(N))


def test_a_reservation_without_an_answer_may_or_may_not_have_been_made():
    command(1, "credit", CREDIT, outcome_n=40)
    command(2, "reserve", RESERVE)
    without, made = possible_states(N)
    assert (without.number, without.reserved) == (1, {})
    assert (made.number, made.reserved) == (2, {7: (10, "SOL", 500, 20)})


def test_the_ledger_tells_whether_an_unanswered_credit_was_made():
    command(1, "credit", CREDIT)
    [only] = possible_states(N)
    assert only.number == 0
    post("deposit:3")
    [only] = possible_states(N)
    assert (only.number, only.log) == (1, [(1, "deposit", "3")])
