"""JSON is read strictly: what two readers could understand differently is refused, and numbers keep their digits."""

import pytest

from exchange_site.kernel.strict_json import InvalidJson, NumberText, loads

BAD = {
    "empty": b"",
    "blank": b"  ",
    "not json": b"{",
    "trailing bytes": b'{"a":1}x',
    "two values": b"{}{}",
    "duplicate member": b'{"a":1,"a":1}',
    "duplicate member inside": b'{"a":{"b":1,"b":2}}',
    "duplicate by escape": b'{"a":1,"\\u0061":2}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "bad UTF-8": b'{"a":"\xff"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "raw surrogate": b'{"a":"\xed\xa0\x80"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone surrogate as name": b'{"\\udc00":1}',
    "single quotes": b"{'a':1}",
    "trailing comma": b'{"a":1,}',
    "leading zero": b'{"a":01}',
    "leading plus": b'{"a":+1}',
    "hex": b'{"a":0x10}',
    "raw control character": b'{"a":"\n"}',
    "raw NUL": b'{"a":"\x00"}',
    "60 KB of [": b"[" * 60_000,
    "60 KB of {": b'{"a":' * 12_000,
    "17 deep": b"[" * 17 + b"]" * 17,
    "1000 deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_refused(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        loads(body)


@pytest.mark.parametrize("text", ["1", "0.10", "-0", "1e400", "1E+1000000", "0." + "1" * 5000, str(2**63)])
def test_a_number_keeps_the_digits_of_its_sender(text: str) -> None:
    value = loads(f'{{"a":{text}}}'.encode())["a"]
    assert isinstance(value, NumberText)
    assert value == text


def test_brackets_inside_text_are_no_nesting() -> None:
    assert loads(b'{"a":"' + b"[" * 1000 + b'\\"[[["}')["a"].startswith("[[[")


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert loads(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}
