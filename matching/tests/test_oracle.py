"""Whoever matches by price, then time, must produce exactly these outputs; fees and balances make no difference."""

import gzip
from pathlib import Path

import pytest

from matching import oracle

DATA = Path(__file__).parent / "data"
KNOWN = {
    "normal": "28d08194b7e6d44d5de3d6dfb7eb08ec8847ece6ab7475d38ced25a05abffa1b",
    "flash-crash": "f19fb9be0569f0098a28d48888831ae3beed9220e8b34d56a08256ca22d7ac3c",
}


@pytest.mark.parametrize("with_fees", [False, True], ids=["free", "with fees"])
@pytest.mark.parametrize("flow", sorted(KNOWN))
def test_matching_gives_the_one_right_answer(flow, with_fees):
    result = oracle.run(DATA / f"{flow}-seed7.bin.gz", with_fees)
    assert result.messages == 99_827
    assert result.sha256 == KNOWN[flow]


def test_a_file_that_is_no_workload_is_refused(tmp_path):
    short = tmp_path / "short.bin"
    short.write_bytes(b"x")
    with pytest.raises(ValueError, match="shorter"):
        oracle.read_workload(short)
    cut = tmp_path / "cut.bin"
    cut.write_bytes(gzip.decompress((DATA / "normal-seed7.bin.gz").read_bytes())[:-7])
    with pytest.raises(ValueError, match="promises"):
        oracle.read_workload(cut)
