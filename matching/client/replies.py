"""Reading one stream over a `Line`: the raw answer of an XREAD to entries, of a `rep:<origin>` stream to answers."""

from collections.abc import Iterator
from typing import Any

from exchange_site.kernel.redis_names import PAYLOAD_FIELD
from matching import codec
from matching.messages import Answer


def answers_in(raw: Any) -> Iterator[tuple[bytes, list[Answer]]]:
    """(entry id, answers) of an XREAD over one stream of replies; nothing for None."""
    for entry_id, payload in payloads_in(raw):
        yield entry_id, codec.decode_answers(payload)


def payloads_in(raw: Any) -> Iterator[tuple[bytes, bytes]]:
    """(entry id, payload) of an XREAD over one stream; nothing for None. RESP2 answers a list, RESP3 a map."""
    if not raw:
        return
    streams = raw.values() if isinstance(raw, dict) else (entries for _name, entries in raw)
    for entries in streams:
        for entry_id, fields in _flat(entries):
            if isinstance(fields, dict):
                payload = fields[PAYLOAD_FIELD]
            else:
                payload = fields[fields.index(PAYLOAD_FIELD) + 1]
            yield entry_id, payload


def _flat(entries: Any) -> Any:
    """redis-py wraps the entries of a RESP3 answer once more."""
    if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], list | tuple):
        return [entry for chunk in entries for entry in chunk]
    return entries
