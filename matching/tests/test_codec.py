"""Values that are encoded already, joined into one array: the bytes that encoding the whole would give."""

import msgspec
import pytest

from matching import codec


@pytest.mark.parametrize("count", [0, 1, 15, 16, 255, 65_535, 65_536])
def test_joined_values_are_the_encoded_list(count: int):
    values = [[index, "x" * (index % 40)] for index in range(count)]
    joined = codec.join_encoded([codec.encode(value) for value in values])
    assert joined == codec.encode(values)
    assert msgspec.msgpack.decode(joined) == values
