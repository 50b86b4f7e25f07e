"""The tree by itself: the documented vectors, every leaf leads to the root, nothing out of range is summed."""

import random
import re

import pytest

from trading.liabilities import statement, tree
from trading.tests.liabilities.vectors import document_json

SEED = bytes(range(32))


def made(balances, depth=10, asset="SOL", n=7):
    grown = tree.AssetTree(SEED, asset, n)
    return grown, list(grown.chunks(iter(balances), depth))


def test_the_documented_vectors_are_what_the_code_makes():
    vectors = document_json(0)
    assert tree.context_of("SOL", 7).hex() == vectors["context"]
    leaf = vectors["leaf"]
    found = tree.leaf_hash(
        tree.context_of("SOL", 7), int(leaf["account"]), bytes.fromhex(leaf["salt"]), int(leaf["units"])
    )
    assert found.hex() == leaf["hash"]
    node = vectors["node"]
    left = bytes.fromhex(node["left"]["hash"]), int(node["left"]["units"])
    right = bytes.fromhex(node["right"]["hash"]), int(node["right"]["units"])
    top, units = tree.parent(left, right)
    assert (top.hex(), str(units)) == (node["hash"], node["units"])
    assert statement.commitment(vectors["statement"]) == vectors["commitment"]
    assert statement.parse(vectors["statement"]).text() == vectors["statement"]


@pytest.mark.parametrize("seed", range(4))
def test_every_leaf_leads_to_the_root_and_the_sum_is_exact(seed):
    rng = random.Random(seed)
    balances = [(1001 + i * 7, rng.randrange(1, 10**12)) for i in range(rng.randrange(1, 2048))]
    grown, chunks = made(balances, depth=11)
    leaves = [node for chunk in chunks for node in grown.nodes(chunk.number, chunk.records)]
    rows = tree.levels(leaves)
    assert len(leaves) == 2048
    assert rows[-1][0][1] == sum(units for _, units in balances)
    assert tree.levels([chunk.top for chunk in chunks])[-1][0] == rows[-1][0]
    for index in rng.sample(range(2048), 50):
        node = leaves[index]
        for level, sibling in enumerate(tree.path(rows, index)):
            node = tree.parent(sibling, node) if index >> level & 1 else tree.parent(node, sibling)
        assert node == rows[-1][0]


def test_the_order_of_leaves_says_nothing_about_accounts_and_changes_each_time():
    balances = [(1001 + i, 5) for i in range(500)]

    def order(grown_from):
        _, chunks = grown_from
        records = b"".join(chunk.records for chunk in chunks)
        ids = [int.from_bytes(records[i : i + 8], "big") for i in range(0, len(records), 16)]
        return [account_id for account_id in ids if account_id]

    first, same, other_asset = (
        order(made(balances)),
        order(made(reversed(balances))),
        order(made(balances, asset="BTC")),
    )
    assert sorted(first) == [account_id for account_id, _ in balances]
    assert first == same != sorted(first)
    assert other_asset != first


def test_padding_looks_like_leaves_and_the_depth_is_that_of_all_customers():
    grown, chunks = made([(1001, 5)])
    nodes = grown.nodes(0, chunks[0].records)
    assert len(nodes) == len({top for top, _ in nodes}) == 1024
    assert [tree.depth_for(count) for count in (0, 1024, 1025, 100_000, 2**22)] == [10, 10, 11, 17, 22]
    with pytest.raises(tree.OutOfRange):
        tree.depth_for(2**22 + 1)


@pytest.mark.parametrize("units", [0, -1, 2**62, 2**64])
def test_a_balance_out_of_range_is_never_summed(units):
    with pytest.raises(tree.OutOfRange):
        made([(1001, units)])


def test_a_sum_out_of_range_is_never_published():
    with pytest.raises(tree.OutOfRange):
        made([(1001, 2**62 - 1), (1002, 1)])
    _, chunks = made([(1001, 2**62 - 2), (1002, 1)])
    assert chunks[0].top[1] == tree.MAX_UNITS
    with pytest.raises(tree.OutOfRange):
        tree.parent((bytes(32), -1), (bytes(32), 1))


def test_only_the_exact_text_is_a_statement():
    text = document_json(0)["statement"]
    lines = text.splitlines(keepends=True)
    bad = ["", text[:-1], " " + text, text + "\n", text.replace("\n", "\r\n"), re.sub(r"outcome 7", "outcome 07", text),
           "".join([*lines[:4], *reversed(lines[4:])]), text + lines[-1], text.replace("SOL", "ＳOL")]  # fmt: skip
    for wrong in bad:
        with pytest.raises(ValueError, match="statement"):
            statement.parse(wrong)
