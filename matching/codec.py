"""Bytes to messages and back, one encoder and one decoder per shape.

The encoding of a message is part of what is hashed (`Outcome` bytes feed the chain), so it must never depend on the
process: msgpack of integers, strings and arrays only.
"""

import msgspec

from matching.messages import Answer, Command, CommandEntry, Outcome

_encoder = msgspec.msgpack.Encoder()
_command_decoder = msgspec.msgpack.Decoder(Command)
_entry_decoder = msgspec.msgpack.Decoder(CommandEntry)
_outcomes_decoder = msgspec.msgpack.Decoder(list[Outcome])
_answers_decoder = msgspec.msgpack.Decoder(list[Answer])

MalformedMessage = (msgspec.DecodeError, UnicodeDecodeError)
"""What the decoders raise for bytes that are not what they should be (`msgspec.ValidationError` included)."""

encode = _encoder.encode
"""Any message, outcome, answer or list of them as msgpack bytes."""

decode_command = _command_decoder.decode
decode_entry = _entry_decoder.decode
decode_outcomes = _outcomes_decoder.decode
decode_answers = _answers_decoder.decode


def encode_entry(origin: str, first_correlation: int, commands: list[bytes], weight: int = 0) -> bytes:
    """Pack already encoded commands into the payload of one cmd stream entry; see `CommandEntry`."""
    raw = [msgspec.Raw(command) for command in commands]
    return _encoder.encode(CommandEntry(origin, first_correlation, raw, weight))


def join_encoded(parts: list[bytes]) -> bytes:
    """One msgpack array of values that are encoded already; nothing is encoded twice."""
    count = len(parts)
    if count < 16:
        head = bytes((0x90 | count,))
    elif count < 0x10000:
        head = b"\xdc" + count.to_bytes(2, "big")
    else:
        head = b"\xdd" + count.to_bytes(4, "big")
    return head + b"".join(parts)
