#!/usr/bin/env python3
"""Adds up the ledger in the archive of your account and says for every asset whether it is your balance.

    python3 verify_takeout.py archive.zip

Also checks that every file is the one the archive's manifest names. Needs Python 3.8 and nothing else. Exit code 0:
everything is equal; 1: something is not; 2: this cannot be read.
"""

import csv
import hashlib
import io
import json
import re
import sys
import zipfile
from fractions import Fraction

AMOUNT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
NEEDED = ("balances.csv", "ledger.csv", "fills.csv", "profile.json")
MAX_MANIFEST_BYTES = 1024 * 1024


class Wrong(Exception):
    """Something does not fit; the message says what."""


def amount(text, where):
    """Exact, as a fraction: no float can round it."""
    if not AMOUNT.fullmatch(text or ""):
        raise Wrong(f"{where} has {text!r} instead of an amount")
    return Fraction(text)


def rows(archive, name):
    with archive.open(name) as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))


def check_files(archive):
    with archive.open("manifest.json") as file:
        manifest = json.loads(file.read(MAX_MANIFEST_BYTES).decode("utf-8"))
    names = {name for name in archive.namelist() if name != "manifest.json"}
    if names != set(manifest["files"]) or not names.issuperset(NEEDED):
        raise Wrong("the archive does not have the files that its manifest names")
    for name, wanted in manifest["files"].items():
        digest = hashlib.sha256()
        with archive.open(name) as file:
            for piece in iter(lambda: file.read(1024 * 1024), b""):
                digest.update(piece)
        if digest.hexdigest() != wanted:
            raise Wrong(f"{name} was changed after the archive was made")
    return manifest


def sums(archive):
    """By asset, the sum of all changes; entries ascend, so none can stand there twice."""
    found: dict = {}
    last = -1
    for number, row in enumerate(rows(archive, "ledger.csv"), 2):
        entry = int(row["entry_id"])
        if entry <= last:
            raise Wrong(f"line {number} of ledger.csv is not after the one before")
        last = entry
        found[row["asset"]] = found.get(row["asset"], 0) + amount(row["change"], f"line {number} of ledger.csv")
    return found


def fees(archive, name, asset, value):
    """By asset, the fees that a file tells of."""
    found: dict = {}
    for row in rows(archive, name):
        if name == "fills.csv" or row["kind"] == "fee":
            found[row[asset]] = found.get(row[asset], 0) + amount(row[value], name)
    return {symbol: total for symbol, total in found.items() if total}


def decimal(value):
    text = str(abs(value.numerator * 10**18 // value.denominator)).rjust(19, "0")
    return ("-" if value < 0 else "") + f"{text[:-18]}.{text[-18:]}".rstrip("0").rstrip(".")


def verify(archive):
    """What was found, as sentences, and whether everything is equal. Raises Wrong."""
    manifest = check_files(archive)
    told = [f"Account {manifest['account']} at outcome {manifest['outcome']}, {manifest['at']}."]
    ledger, equal, seen = sums(archive), True, set()
    for row in rows(archive, "balances.csv"):
        asset, total = row["asset"], amount(row["total"], "balances.csv")
        if amount(row["available"], "balances.csv") + amount(row["locked"], "balances.csv") != total or asset in seen:
            raise Wrong(f"the balance of {asset} does not add up")
        seen.add(asset)
        added = ledger.pop(asset, Fraction(0))
        same = added == total
        equal = equal and same
        told.append(f"{asset}: ledger {decimal(added)}, balance {decimal(total)}: {'equal' if same else 'NOT EQUAL'}.")
    for asset, added in ledger.items():
        if added:
            equal = False
            told.append(f"{asset}: ledger {decimal(added)}, no balance: NOT EQUAL.")
    paid = {asset: -total for asset, total in fees(archive, "ledger.csv", "asset", "change").items()}
    if paid != fees(archive, "fills.csv", "fee_asset", "fee"):
        equal = False
        told.append("The fees of the fills are NOT EQUAL to those of the ledger.")
    return told, equal


def main(arguments):
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 2
    try:
        with zipfile.ZipFile(arguments[0]) as archive:
            told, equal = verify(archive)
    except Wrong as error:
        print(f"NOT EQUAL: {error}.")
        return 1
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        print(f"This archive cannot be read: {error}")
        return 2
    print("\n".join(told))
    print("EQUAL: every balance is what the ledger adds up to." if equal else "NOT EQUAL: see above.")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
