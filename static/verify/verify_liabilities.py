#!/usr/bin/env python3
"""Checks, without trusting the exchange, that your balances are part of the liabilities it has published.

    python3 verify_liabilities.py liabilities-123.json [COMMITMENT]

The file is your download from the page "Proof of liabilities". COMMITMENT is the 64 digits published there; give the
ones you noted, or got from somebody else: whoever sees other digits than you was shown another truth. Needs Python 3.8
and nothing else. Exit code 0: everything fits; 1: something does not; 2: this cannot be read.

The format is described in docs/liabilities.md of the exchange: this program is an independent reading of that page.
"""

import hashlib
import json
import re
import sys

LIMIT = 2**62
HEAD = re.compile(r"liabilities 1\noutcome (0|[1-9][0-9]{0,18})\nat ([0-9TZ:.-]{24})\nprevious ([0-9a-f]{64})\n", re.A)
LINE = re.compile(r"([A-Z][A-Z0-9]{1,11}) ([0-9]{1,2}) ([0-9]{1,2}) (0|[1-9][0-9]{0,18}) ([0-9a-f]{64})\n", re.A)
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.A)
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 40


class Wrong(Exception):
    """The proof does not hold; the message says where."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def eight(number):
    return number.to_bytes(8, "big")


def whole(value, what, below=LIMIT):
    if not isinstance(value, str) or not NUMBER.fullmatch(value) or int(value) >= below:
        raise Wrong(f"{what} is not a whole number below {below}")
    return int(value)


def digest(value, what):
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise Wrong(f"{what} is not 32 bytes in hexadecimal")
    return bytes.fromhex(value)


def member(record, name, kind):
    if not isinstance(record, dict) or not isinstance(record.get(name), kind):
        raise Wrong(f'the file has no proper "{name}"')
    return record[name]


def read_statement(text):
    """Outcome number, time, and by asset: decimals, depth, sum, hash."""
    head = HEAD.match(text)
    if head is None:
        raise Wrong("the statement does not begin as one")
    roots: dict = {}
    position = head.end()
    while position < len(text):
        line = LINE.match(text, position)
        if line is None:
            raise Wrong("a line of the statement is not an asset's")
        asset, decimals, depth, units, top = line.groups()
        if roots and asset <= max(roots):
            raise Wrong("the assets of the statement are not in order")
        if int(depth) > MAX_DEPTH:
            raise Wrong(f"the tree of {asset} is too deep")
        roots[asset] = (int(decimals), int(depth), whole(units, f"the total of {asset}"), bytes.fromhex(top))
        position = line.end()
    return int(head.group(1)), head.group(2), roots


def check_leaf(leaf, n, account, roots):
    """The units of one leaf, after walking from it to the published root."""
    asset = member(leaf, "asset", str)
    if asset not in roots:
        raise Wrong(f"{asset} is not in the statement")
    _, depth, total, top = roots[asset]
    units = whole(leaf.get("units"), f"the amount of {asset}")
    position = whole(leaf.get("position"), f"the position of {asset}", 2**depth)
    siblings = member(leaf, "path", list)
    if len(siblings) != depth:
        raise Wrong(f"the path of {asset} has {len(siblings)} steps instead of {depth}")
    context = sha(f"liabilities 1 leaf\n{asset}\n{n}\n".encode())
    found = sha(b"\x00", context, eight(account), digest(leaf.get("salt"), f"the salt of {asset}"), eight(units))
    reached = units
    for step, sibling in enumerate(siblings, 1):
        other = digest(member(sibling, "hash", str), f"step {step} of {asset}")
        beside = whole(sibling.get("units"), f"the sum at step {step} of {asset}")
        if reached + beside >= LIMIT:
            raise Wrong(f"the sum of {asset} is out of range at step {step}")
        left, right = ((found, reached), (other, beside))[:: -1 if position & 1 else 1]
        found = sha(b"\x01", left[0], eight(left[1]), right[0], eight(right[1]))
        reached += beside
        position >>= 1
    if reached != total:
        raise Wrong(f"the path of {asset} leads to the total {reached}, published is {total}")
    if found != top:
        raise Wrong(f"the path of {asset} does not lead to the published root")
    return asset, units


def decimal(units, decimals):
    digits = str(units).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def verify(proof, commitment=None):
    """What was shown, as sentences. Raises Wrong."""
    if member(proof, "format", str) != "liabilities 1":
        raise Wrong("this program reads the format liabilities 1 only")
    text = member(proof, "statement", str)
    made = hashlib.sha256(text.encode()).hexdigest()
    wanted = member(proof, "commitment", str) if commitment is None else commitment.strip().lower()
    if made != wanted:
        raise Wrong("the statement is not the one that was committed to")
    n, at, roots = read_statement(text)
    account = whole(member(proof, "account", str), "the account number", 2**63)
    leaves = [check_leaf(leaf, n, account, roots) for leaf in member(proof, "leaves", list)]
    if len(dict(leaves)) != len(leaves):
        raise Wrong("an asset occurs twice")
    told = [f"Outcome {n}, {at}. Account {account}. Commitment {made}."]
    for asset, units in leaves:
        places, _, total, _ = roots[asset]
        told.append(f"{asset}: your {decimal(units, places)} is part of the total {decimal(total, places)}.")
    none = [asset for asset in roots if asset not in dict(leaves)]
    if none:
        told.append(f"By this proof you had nothing of: {', '.join(none)}.")
    return told


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 2
    try:
        with open(arguments[0], "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError("it is too large")
        proof = json.loads(content.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        print(f"This file cannot be read: {error}")
        return 2
    try:
        told = verify(proof, arguments[1] if len(arguments) == 2 else None)
    except Wrong as error:
        print(f"WRONG: {error}.")
        return 1
    print("\n".join(told))
    print("RIGHT: everything fits. Compare account number and amounts with what you know.")
    if len(arguments) == 1:
        print("The commitment came with the file. Give the one you have from elsewhere as second argument.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
