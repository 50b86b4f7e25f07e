"""From rows of balances to a published proof, and from there to what each customer can check."""

import copy
import json
import subprocess
import sys
import threading

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import Account, Balance, User
from exchange_site.kernel.clock import datetime_of
from exchange_site.tests.api_rig import forget_caches
from marketdata.models import Asset
from trading import tasks
from trading.liabilities import paths, proving
from trading.liabilities.models import LiabilityChunk, LiabilityProof, LiabilitySeed
from trading.liabilities.paths import DamagedProof, PathsGone, proof_of
from trading.liabilities.tree import OutOfRange
from trading.models import Checkpoint
from trading.tests.liabilities.vectors import PROGRAM, program
from trading.writer.store import CHECKPOINT

AT_MS = 1_790_000_000_123


@pytest.fixture
def assets(transactional_db):
    return {
        symbol: Asset.objects.create(symbol=symbol, name=symbol, decimals=decimals, blockchain="Solana")
        for symbol, decimals in (("USDC", 6), ("SOL", 9))
    }


@pytest.fixture
def house(assets):
    """The venue's own accounts, which hold much and are owed nothing."""
    for account_id, kind in ((1, "house"), (2, "fees")):
        Account.objects.get_or_create(id=account_id, defaults={"kind": kind})
        hold(account_id, assets["SOL"], 10**15)


def hold(account_id, asset, available, locked=0):
    Balance.objects.update_or_create(
        account_id=account_id,
        asset_id=asset.pk,
        defaults={"available_units": available, "locked_units": locked},
    )


def customer(name, **amounts):
    account = Account.objects.create(user=User.objects.create_user(f"{name}@example.org", "a long enough password"))
    for symbol, (available, locked) in amounts.items():
        hold(account.pk, Asset.objects.get(symbol=symbol), available, locked)
    return account


def arrive(n):
    Checkpoint.objects.update_or_create(name=CHECKPOINT, defaults={"n": n, "at_ms": AT_MS + n})


@pytest.fixture
def alice(house):
    return customer("alice", SOL=(5_000_000_000, 2_000_000_000), USDC=(0, 30))


@pytest.fixture
def bob(alice):
    return customer("bob", SOL=(1, 0), USDC=(0, 0))


@pytest.fixture
def proof(bob):
    arrive(41)
    return proving.prove()[0]


def test_it_counts_what_customers_have_free_held_and_waiting_and_nothing_of_the_venue(proof, alice, bob):
    stated = proof.parsed()
    assert (stated.n, stated.at) == (41, "2026-09-21T14:13:20.164Z")
    assert proof.at == datetime_of(AT_MS + 41)
    assert {root.asset: root.units for root in stated.roots} == {"SOL": 7_000_000_001, "USDC": 30}
    assert [root.asset for root in stated.roots] == ["SOL", "USDC"]


def test_everybody_finds_their_own_leaves_and_the_program_agrees(proof, alice, bob):
    verify = program().verify
    told = verify(json.loads(json.dumps(proof_of(alice.pk, proof))), proof.commitment)
    assert told[1:] == [
        "SOL: your 7.000000000 is part of the total 7.000000001.",
        "USDC: your 0.000030 is part of the total 0.000030.",
    ]
    told = verify(proof_of(bob.pk, proof), proof.commitment)
    assert told[-1] == "By this proof you had nothing of: USDC."
    assert proof_of(999_999, proof)["leaves"] == []


def tampered(good):
    """Each change that a lying venue or a broken copy could make, by name."""

    def change(name, edit):
        wrong = copy.deepcopy(good)
        edit(wrong)
        assert wrong != good
        return name, wrong

    def flip(text):
        return ("0" if text[0] != "0" else "1") + text[1:]

    leaf, step = (lambda p: p["leaves"][0]), (lambda p: p["leaves"][0]["path"][3])
    huge = str(2**62 - 1)
    yield change("less in the leaf", lambda p: leaf(p).update(units="6999999999"))
    yield change("below zero in the leaf", lambda p: leaf(p).update(units="-1"))
    yield change("another salt", lambda p: leaf(p).update(salt=flip(leaf(p)["salt"])))
    yield change("another account", lambda p: p.update(account="5"))
    yield change("another place", lambda p: leaf(p).update(position=str(int(leaf(p)["position"]) ^ 1)))
    yield change("a place outside", lambda p: leaf(p).update(position="1024"))
    yield change("more beside", lambda p: step(p).update(units=str(int(step(p)["units"]) + 1)))
    yield change("below zero beside", lambda p: step(p).update(units="-7"))
    yield change("sum out of range", lambda p: step(p).update(units=huge))
    yield change("number with a sign", lambda p: leaf(p).update(units="+7000000000"))
    yield change("another neighbour", lambda p: step(p).update(hash=flip(step(p)["hash"])))
    yield change("a step left out", lambda p: leaf(p)["path"].pop())
    yield change("another asset", lambda p: leaf(p).update(asset="USDC"))
    yield change("an unknown asset", lambda p: leaf(p).update(asset="XRP"))
    yield change("a leaf twice", lambda p: p["leaves"].append(leaf(p)))
    yield change("another total", lambda p: p.update(statement=p["statement"].replace("7000000001", "7000000000")))
    yield change("another format", lambda p: p.update(format="liabilities 2"))
    yield change("no leaves", lambda p: p.update(leaves=None))


def test_every_change_is_noticed_by_the_program(proof, alice):
    checker = program()
    unnoticed = []
    for name, wrong in tampered(proof_of(alice.pk, proof)):
        try:
            checker.verify(wrong, proof.commitment)
        except checker.Wrong:
            continue
        unnoticed.append(name)
    assert not unnoticed


def test_the_program_runs_alone(proof, alice, tmp_path):
    file = tmp_path / "proof.json"
    good = proof_of(alice.pk, proof)
    for content, words, code in (
        (json.dumps(good), "RIGHT", 0),
        (json.dumps({**good, "account": "7"}), "WRONG", 1),
        ("[" * 100_000, "cannot be read", 2),
    ):
        file.write_text(content)
        command = [sys.executable, "-I", "-S", str(PROGRAM), str(file), proof.commitment]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, words in done.stdout) == (code, True), done.stdout + done.stderr
    file.write_text(json.dumps(good))
    other = [sys.executable, "-I", "-S", str(PROGRAM), str(file), "0" * 64]
    assert subprocess.run(other, capture_output=True, check=False).returncode == 1


def test_one_outcome_has_one_proof_and_each_names_the_one_before(proof, alice):
    assert proving.prove() == (proof, False)
    arrive(42)
    assert tasks.prove_liabilities() is True
    later = LiabilityProof.objects.get(pk=42)
    assert later.parsed().previous == proof.commitment
    assert proof_of(alice.pk, proof)["statement"] == proof.statement
    old, new = proof_of(alice.pk, proof)["leaves"][0], proof_of(alice.pk, later)["leaves"][0]
    assert old["salt"] != new["salt"]


def test_what_was_published_cannot_be_changed_or_removed(proof):
    rows = LiabilityProof.objects.all()
    for act in (lambda: rows.update(statement="x"), lambda: rows._raw_delete("default")):
        with pytest.raises(DatabaseError, match="kept as they are"), transaction.atomic():
            act()
    assert LiabilityProof.objects.get().statement == proof.statement


def test_paths_go_after_the_stated_time_and_the_published_part_stays(proof, alice, settings):
    settings.LIABILITY_PATHS_KEPT_DAYS = 0
    arrive(41)
    tasks.prove_liabilities()
    assert not LiabilityChunk.objects.exists()
    assert not LiabilitySeed.objects.exists()
    with pytest.raises(PathsGone):
        proof_of(alice.pk, proof)
    assert LiabilityProof.objects.get() == proof


@pytest.mark.parametrize("at", ["before the leaves", "before the nodes above", "after everything"])
def test_paths_that_are_forgotten_while_somebody_reads_them_are_gone_and_no_mistake(
    proof, alice, settings, monkeypatch, at
):
    settings.LIABILITY_PATHS_KEPT_DAYS = 0
    find, path = paths.find, paths.path

    def forgetting(function):
        def forget_first(*words):
            proving.forget_old_paths()
            return function(*words)

        return forget_first

    if at == "before the leaves":
        leaf = paths._leaf
        monkeypatch.setattr(paths, "_leaf", forgetting(leaf))
    elif at == "before the nodes above":
        monkeypatch.setattr(paths, "find", forgetting(find))
    else:
        monkeypatch.setattr(paths, "path", forgetting(path))
    with pytest.raises(PathsGone):
        proof_of(alice.pk, proof)


def test_rows_changed_by_hand_are_noticed_before_anybody_gets_a_path(proof, alice):
    chunk = LiabilityChunk.objects.get(asset="SOL", number=0)
    records = bytearray(chunk.records)
    at = records.index(alice.pk.to_bytes(8, "big"))
    records[at + 15] ^= 1
    LiabilityChunk.objects.filter(asset="SOL").update(records=bytes(records))
    with pytest.raises(DamagedProof):
        proof_of(alice.pk, proof)


def test_balances_and_outcome_are_one_cut_although_the_writer_goes_on(bob, assets, monkeypatch):
    """The writer commits a later outcome while the trees are made: none of it may be in them."""
    arrive(50)
    balances, done = proving._balances, threading.Event()

    def later():
        with transaction.atomic():
            hold(bob.pk, assets["USDC"], 10**9)
            arrive(51)
        connection.close()
        done.set()

    def slow(asset):
        if not done.is_set():
            thread = threading.Thread(target=later)
            thread.start()
            thread.join(10)
            assert done.is_set(), "the writer waited for the proof"
        return balances(asset)

    monkeypatch.setattr(proving, "_balances", slow)
    made = proving.prove()[0]
    assert made.n == 50
    assert {root.asset: root.units for root in made.parsed().roots}["USDC"] == 30
    assert Checkpoint.objects.get(name=CHECKPOINT).n == 51


def test_nothing_is_published_before_there_is_anything_or_from_impossible_numbers(assets, house):
    with pytest.raises(CommandError, match="no outcome"):
        call_command("prove_liabilities")
    assert tasks.prove_liabilities() is False
    arrive(5)
    customer("rich", SOL=(2**62, 0))
    with pytest.raises(OutOfRange):
        proving.prove()
    assert not LiabilityProof.objects.exists()
    assert not LiabilityChunk.objects.exists()


def test_the_command_says_what_it_published(proof, capsys):
    call_command("prove_liabilities")
    printed = capsys.readouterr().out
    assert "Already published: liabilities at outcome 41." in printed
    assert "SOL: 7.000000001" in printed
    assert proof.commitment in printed


# --------------------------------------------------------------------------------------------------- pages and API


def log_in(client, account):
    client.force_login(account.user, backend="allauth.account.auth_backends.AuthenticationBackend")


def test_the_page_shows_everybody_the_totals_and_each_only_their_own_part(client, proof, alice, bob):
    text = client.get("/proof").content.decode()
    assert proof.commitment in text
    assert "Log in to see your part" in text
    assert str(alice.pk) not in text
    log_in(client, bob)
    text = client.get("/proof").content.decode()
    assert str(bob.pk) in text
    assert "7.000000001" in text.replace('<span class="dim">', "")
    assert str(alice.pk) not in text
    answer = client.get("/proof/mine.json?n=41")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="liabilities-41.json"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.json() == proof_of(bob.pk, proof)


def test_the_page_before_any_proof_and_with_nonsense(client, assets):
    assert "Nothing is published yet" in client.get("/proof").content.decode()
    for path in ("/proof?n=1", "/proof?n=x", "/proof?before=-1", "/proof?n=" + "9" * 40, "/proof?n=%EF%BC%91"):
        assert client.get(path).status_code == 404, path
    assert client.get("/proof/mine.json").status_code == 302


def test_old_proofs_have_pages_of_their_own(client, proof, alice):
    for n in range(42, 42 + 25):
        arrive(n)
        proving.prove()
    text = client.get("/proof").content.decode()
    assert "?before=47#history-head" in text
    assert proof.commitment in client.get("/proof?before=47").content.decode()
    assert "outcome 41\n" in client.get("/proof?n=41").content.decode()
    log_in(client, alice)
    LiabilityChunk.objects.filter(proof=proof).delete()
    LiabilitySeed.objects.filter(proof=proof).delete()
    assert "Too old to check here" in client.get("/proof?n=41").content.decode()
    assert client.get("/proof/mine.json?n=41").status_code == 404


def test_the_api_answers_the_same(client, proof, alice):
    forget_caches()
    published = client.get("/api/v1/liabilities").json()
    assert [row["outcome"] for row in published] == ["41"]
    assert published[0]["statement"] == proof.statement
    assert published[0]["assets"][0]["quantity"] == "7.000000001"
    assert client.get("/api/v1/liabilities?before=41").json() == []
    assert client.get("/api/v1/liabilities?before=x").status_code == 400
    assert client.get("/wapi/v1/liabilities").status_code == 401
    log_in(client, alice)
    assert client.get("/wapi/v1/liabilities").json() == proof_of(alice.pk, proof)
    assert client.get("/wapi/v1/liabilities?n=40").status_code == 404
    assert client.get("/wapi/v1/liabilities?n=1e3").status_code == 400


def test_staff_sees_proofs_and_changes_none(client, proof):
    staff = User.objects.create_superuser("operator@example.org", "a long enough password")
    client.force_login(staff, backend="allauth.account.auth_backends.AuthenticationBackend")
    listed = client.get("/admin/trading/liabilityproof/").content.decode()
    assert "7.000000001 SOL" in listed
    assert client.get("/admin/trading/liabilityproof/41/change/").status_code == 200
    assert client.post("/admin/trading/liabilityproof/41/change/", {"statement": "x"}).status_code == 403
    assert client.get("/admin/trading/liabilityproof/add/").status_code == 403
    assert timezone.now() > proof.made_at
