"""`manage.py market`, `venue` and `account`: the same acts for the shell."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry, User
from marketdata.staff_acts import By
from matching.messages import MarketState

EVE = ["--actor", "eve@example.org", "--reason", "rehearsal"]


@pytest.fixture
def run(venue, eve, capsys):
    def run(*words):
        capsys.readouterr()
        call_command(*words)
        return capsys.readouterr().out

    return run


def lines(out):
    return {line.split("  ", 1)[0]: line.split("  ", 1)[1].strip() for line in out.splitlines()}


def test_market(venue, run):
    shown = lines(run("market", "sol_usdc", "show"))
    assert (shown["state"], shown["min_quantity"], shown["band_percent"]) == ("Open", "0.00001", "none")
    assert shown["fees tier 0"] == "maker 0.08 %, taker 0.1 %"
    change = ["market", "SOL_USDC", "limits", "--band-percent", "5", "--auction-s", "10"]
    assert run(*change, "--dry-run", *EVE) == "band_percent none -> 5\nauction_s none -> 10\n"
    assert venue.sent == []
    run(*change, *EVE)
    run("market", "SOL_USDC", "fees", "--tier", "2", "--maker=-0.01", "--taker", "0.2", *EVE)
    run("market", "SOL_USDC", "limits", "--auction-s", "none", "--max-quantity", "5", *EVE)
    run("market", "SOL_USDC", "state", "PostOnly", *EVE)
    shown = lines(run("market", "SOL_USDC", "show"))
    assert (shown["band_percent"], shown["auction_s"], shown["max_quantity"]) == ("5", "none", "5")
    assert shown["fees tier 2"] == "maker -0.01 %, taker 0.2 %"
    assert shown["state"] == "PostOnly since 2026-01-01 00:00:00 UTC by eve@example.org: rehearsal"
    run("market", "SOL_USDC", "auction", "--seconds", "90", *EVE)
    assert "auction ends" in run("market", "SOL_USDC", "show")
    assert venue.state() == MarketState.AUCTION
    run("market", "SOL_USDC", "state", "CancelOnly", *EVE)
    assert "Somebody else must approve it" in run("market", "SOL_USDC", "state", "Open", *EVE)
    assert venue.state() == MarketState.CANCEL_ONLY


def test_venue(venue, run, mallory):
    assert "allowed" in run("venue", "status")
    run("venue", "stop", *EVE)
    assert venue.core.is_halted
    assert "STOPPED since 2026-01-01 00:00:00 UTC by eve@example.org: rehearsal" in run("venue", "status")
    assert "Somebody else must approve it" in run("venue", "resume", *EVE)
    assert "asked by eve@example.org: rehearsal" in run("venue", "status")
    venue.approve(By(mallory, "yes"))
    assert not venue.core.is_halted


def test_account(venue, run, mallory):
    venue.order()
    run("account", "1001", "tier", "3", *EVE)
    run("account", "trader1001@example.org", "block", "--market", "SOL_USDC", *EVE)
    shown = run("account", "1001", "show")
    assert "Fee tier 3" in shown
    assert "Blocked in SOL_USDC" in shown
    assert run("account", "1001", "cancel-all", *EVE) == "1 orders are cancelled.\n"
    run("account", "1001", "unblock", "--market", "SOL_USDC", *EVE)
    assert venue.core.blocks
    venue.approve(By(mallory, "yes"))
    assert not venue.core.blocks


def test_who_may_not_and_what_is_not_there(venue, run):
    User.objects.create_user("helper@example.org", is_staff=True)
    User.objects.create_superuser("gone@example.org", is_active=False)
    for email, why in (
        ("nobody@example.org", "no active member of staff"),
        ("trader1001@example.org", "no active member of staff"),
        ("gone@example.org", "no active member of staff"),
        ("helper@example.org", "lacks the right"),
    ):
        for words in (["venue", "stop"], ["market", "SOL_USDC", "state", "Closed"], ["account", "1001", "block"]):
            with pytest.raises(CommandError, match=why):
                run(*words, "--actor", email, "--reason", "x")
    for words, why in (
        (["market", "NO_PE", "show"], "there are: BTC_USDC, SOL_USDC"),
        (["market", "SOL_USDC", "state", "Nonsense", *EVE], "invalid choice"),
        (["market", "SOL_USDC", "limits", "--band-percent", "200", *EVE], "0.0001 to 99.9999 percent"),
        (["market", "SOL_USDC", "limits", "--band-percent", "200", "--dry-run", *EVE], "0.0001 to 99.9999 percent"),
        (["market", "SOL_USDC", "auction", "--seconds", "-5", *EVE], "must be a plain decimal number"),
        (["account", "9" * 30, "show"], "There is no account"),
        (["account", "1", "block", *EVE], "does not trade"),
        (["account", "1001", "unblock", *EVE], "There is no such block"),
        (["venue", "stop", "--actor", "eve@example.org"], "reason"),
        (["venue", "stop", "--actor", "eve@example.org", "--reason", " "], "A reason must be given"),
    ):
        with pytest.raises(CommandError, match=why):
            run(*words)
    assert venue.sent == []
    assert AuditEntry.objects.count() == 0
