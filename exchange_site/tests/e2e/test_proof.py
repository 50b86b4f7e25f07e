"""Proof of liabilities, history, statement and archive, as a customer meets them in a real browser."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from exchange_site.tests.e2e.running import ROOT, RunningExchange
from exchange_site.tests.e2e.trading_page import PASSWORD, SLOW_MS

EMAIL = "auditor@example.org"


@pytest.fixture
def page(exchange: RunningExchange, new_context: Callable[..., BrowserContext]) -> Page:
    opened = new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True).new_page()
    opened.set_default_timeout(SLOW_MS)
    return opened


@pytest.fixture(scope="module")
def customer(exchange: RunningExchange) -> str:
    exchange.manage_all(
        ("create_user", EMAIL, "--password", PASSWORD),
        ("fund", EMAIL, "USDC", "1000"),
        ("fund", EMAIL, "SOL", "7.5"),
    )
    return EMAIL


def log_in(page: Page, url: str, then: str) -> None:
    page.goto(f"{url}/accounts/login/?next={then}")
    page.get_by_label("Email").fill(EMAIL)
    page.locator("input[type=password]").first.fill(PASSWORD)
    page.locator("main form button").last.click()
    page.wait_for_url(f"{url}{then}")


def run(program: str, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-I", "-S", str(ROOT / "static/verify" / program), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def change(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


TAMPERED: dict[str, Callable[[Any], None]] = {
    "leaf": lambda proof: proof["leaves"][0].update(units="1"),
    "salt": lambda proof: proof["leaves"][0].update(salt=change(proof["leaves"][0]["salt"])),
    "sum": lambda proof: proof["leaves"][0]["path"][2].update(units="1"),
    "negative sum": lambda proof: proof["leaves"][0]["path"][2].update(units="-1"),
    "path": lambda proof: proof["leaves"][0]["path"][2].update(hash=change(proof["leaves"][0]["path"][2]["hash"])),
    "total": lambda proof: proof.update(statement=re.sub(r"(SOL \d+ \d+ )\d+", r"\g<1>1", proof["statement"])),
}


def test_a_customer_verifies_a_true_proof_and_sees_every_false_one_fail(
    exchange: RunningExchange, customer: str, page: Page, tmp_path: Path
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    published = json.loads(exchange.manage("prove_liabilities", "--json"))
    log_in(page, exchange.url, "/proof")
    verdict = page.locator("#verdict")
    expect(page.locator("#commitment")).to_have_text(published["commitment"])
    expect(page.locator("#mine")).to_contain_text("7.50")
    page.get_by_role("button", name="Verify my balance").click()
    expect(verdict).to_contain_text("Right: everything fits")
    expect(verdict).to_contain_text("SOL: 7.500000000 is part of the total")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download my proof").click()
    file = tmp_path / "proof.json"
    saved.value.save_as(file)
    page.set_input_files("#proof-file", str(file))
    page.get_by_role("button", name="Verify the file").click()
    expect(verdict).to_contain_text("Right: everything fits")
    assert run("verify_liabilities.py", str(file), published["commitment"])[0] == 0
    for name, tamper in TAMPERED.items():
        proof = json.loads(file.read_text())
        tamper(proof)
        wrong = tmp_path / "wrong.json"
        wrong.write_text(json.dumps(proof))
        page.set_input_files("#proof-file", str(wrong))
        page.get_by_role("button", name="Verify the file").click()
        expect(verdict, name).to_contain_text("Wrong: this does not fit")
        assert run("verify_liabilities.py", str(wrong), published["commitment"])[0] == 1, name
    page.fill("#trusted", change(published["commitment"]))
    page.get_by_role("button", name="Verify my balance").click()
    expect(verdict).to_contain_text("not the one with this commitment")
    assert not complaints


def test_history_statement_and_archive(exchange: RunningExchange, customer: str, page: Page, tmp_path: Path) -> None:
    log_in(page, exchange.url, "/history/ledger")
    expect(page.locator("tbody tr").first).to_contain_text("+7.5")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    ledger = tmp_path / "ledger.csv"
    saved.value.save_as(ledger)
    assert [line.split(",")[3:6] for line in ledger.read_text().splitlines()[1:]] == [
        ["credit", "USDC", "1000"],
        ["credit", "SOL", "7.5"],
    ]
    page.get_by_role("link", name="Statements").click()
    expect(page.locator("tbody tr", has_text="SOL")).to_contain_text("7.5")
    page.get_by_role("link", name="Archive").click()
    page.get_by_role("button", name="Make an archive").click()
    download = page.get_by_role("link", name=re.compile("^Download the archive"))
    expect(download).to_be_visible(timeout=90_000)
    path = download.get_attribute("href")
    with page.expect_download() as saved:
        download.click()
        if "reauthenticate" in page.url:
            page.locator("input[type=password]").first.fill(PASSWORD)
            page.locator("main form button").last.click()
    archive = tmp_path / "archive.zip"
    saved.value.save_as(archive)
    assert path is not None
    assert zipfile.is_zipfile(archive)
    code, told = run("verify_takeout.py", str(archive))
    assert code == 0, told
    assert "SOL: ledger 7.5, balance 7.5: equal." in told
