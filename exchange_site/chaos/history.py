"""The whole journal, also what the engine has forgotten behind its snapshots: links to every segment there ever was."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from matching import codec
from matching.runtime import journal
from matching.runtime.applier import decode_entry
from matching.runtime.journal import History
from matching.runtime.records import RULES_VERSION, Entry, Internal


def keep_segments(source: Path, archive: Path) -> None:
    """Links to segments that are new. The same bytes under a second name, so nothing has to be copied or repeated."""
    if not source.is_dir():
        return
    archive.mkdir(exist_ok=True)
    for name in set(journal.segments(source)) - set(journal.segments(archive)):
        os.link(source / name, archive / name)


def whole_history(archive: Path) -> History:
    """As `read_history`, but with segments that newer headers do not mention any more. Raises JournalDamaged."""
    names = journal.segments(archive)
    valid = dict.fromkeys(names, 0)
    rules = RULES_VERSION
    for index, name in enumerate(names):
        header = journal.read_header(archive / name)
        if header is None:
            continue
        valid |= header.manifest
        valid[name] = journal.count_valid_bytes(archive / name)
        valid |= dict.fromkeys(names[index + 1 :], 0)
        rules = header.rules_version
    return History(archive, valid, True, rules)


class Journaled(NamedTuple):
    """A command as it stands in the journal. `key` is None for what cannot be read, or has none."""

    command_id: str
    key: str | None


def commands_of(history: History) -> Iterator[Journaled]:
    """Every command in the journal, in its order."""
    for _, found in history.frames_from(None):
        for record in found.frame.records:
            if isinstance(record, Internal):
                yield Journaled(record.command_id, None)
            if not isinstance(record, Entry):
                continue
            entry = decode_entry(record.payload)
            for index, raw in enumerate(entry.commands if entry else ()):
                yield Journaled(f"{record.entry_id}/{index}", _key_of(raw))


def _key_of(raw: msgspec.Raw) -> str | None:
    try:
        return codec.decode_command(raw).idempotency_key
    except (*codec.MalformedMessage, RecursionError):
        return None
