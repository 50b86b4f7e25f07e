"""Which records are history, read off the simulated disk without the code that is under test.

Segments that were removed behind a snapshot are taken from the disk's archive. What counts is said by the newest
complete header, and of a segment removed before that header was written, by the newest one that still knows it.
"""

from pathlib import Path

from exchange_site.simulation.fake_disk import Disk
from matching.runtime.records import BadFrame, Frame, Header, decode_frame


def surviving_frames(disk: Disk, directory: Path) -> list[Frame]:
    """All frames that count, oldest first, headers left out."""
    found = {name: content for name, content in disk.archive.items() if name.endswith(".wal")}
    if directory in disk.directories:
        found |= {name: bytes(inode.seen) for name, inode in disk.directories[directory].seen.items()}
    valid = _valid_bytes({name: content for name, content in found.items() if name.endswith(".wal")})
    frames: list[Frame] = []
    for name in sorted(valid):
        frames += [frame for frame, end in _frames(found[name]) if end <= valid[name]]
    return [frame for frame in frames if not any(isinstance(record, Header) for record in frame.records)]


def _valid_bytes(segments: dict[str, bytes]) -> dict[str, int]:
    valid: dict[str, int] = {}
    for name in sorted(segments, reverse=True):
        frames = _frames(segments[name])
        header = frames[0][0].records[0] if frames and frames[0][0].records else None
        if name not in valid:
            # Nobody younger knows it: it is the newest, or it died before its header and was adopted by none.
            if valid or not isinstance(header, Header):
                continue
            valid[name] = frames[-1][1]
        if valid[name] and isinstance(header, Header):
            for older, size in header.manifest.items():
                valid.setdefault(older, size)
    return {name: size for name, size in valid.items() if size and name in segments}


def _frames(content: bytes) -> list[tuple[Frame, int]]:
    view, offset = memoryview(content), 0
    found: list[tuple[Frame, int]] = []
    while True:
        try:
            frame, offset = decode_frame(view, offset)
        except BadFrame:
            return found
        found.append((frame, offset))
