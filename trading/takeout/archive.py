"""Writing an archive: a ZIP made in one pass, its pieces stored as they come, everything at one outcome."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from django.conf import settings

from accounts.models import Account
from trading.history.csv_stream import text_of
from trading.takeout.contents import FILES, profile

PART_BYTES = 1024 * 1024
SCRIPT = "verify_takeout.py"
README = """\
Everything this exchange keeps about your account, at one moment (outcome number and time: profile.json).

  python3 verify_takeout.py THIS-FILE.zip

adds up the ledger by itself and says for every asset whether it is your balance. It needs Python 3.8 and nothing else.

Times are UTC. Amounts are whole coins, written exactly. Text that begins like a formula has an apostrophe before it.
ledger.csv has every change of what you own; orders and fills say what the trades among them were. manifest.json has
the SHA-256 of every file.
"""
STEPS = len(FILES) + 1


class TooLarge(Exception):
    """The archive would be larger than TAKEOUT_MAX_BYTES."""


class Sink:
    """Bytes go on to `store`, counted and hashed; nobody can go back, as ZipFile is told by what is missing here."""

    def __init__(self, store: Callable[[bytes], object]) -> None:
        self._store, self._digest, self.size = store, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Raises TooLarge."""
        self.size += len(data)
        if self.size > settings.TAKEOUT_MAX_BYTES:
            raise TooLarge
        self._digest.update(data)
        self._store(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def sha256(self) -> str:
        return self._digest.hexdigest()


def write(sink: Sink, account: Account, n: int, at: str, told: Callable[[int], None]) -> None:
    """All files, into the sink. `told(steps done)` of STEPS. Reads inside the caller's transaction. Raises TooLarge."""
    digests: dict[str, str] = {}
    script = (Path(settings.BASE_DIR) / "static/verify" / SCRIPT).read_bytes()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        _add(archive, "README.txt", [README.encode()], digests)
        _add(archive, SCRIPT, [script], digests)
        _add(archive, "profile.json", [profile(account, n, at)], digests)
        told(1)
        for done, file in enumerate(FILES, 2):
            _add(archive, file.name, text_of(file.head, file.lines(account)), digests)
            told(done)
        manifest = {"format": "takeout 1", "account": str(account.pk), "outcome": str(n), "at": at, "files": digests}
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes], digests: dict[str, str]) -> None:
    digest = hashlib.sha256()
    target: IO[bytes]
    with archive.open(name, "w", force_zip64=True) as target:
        for piece in pieces:
            digest.update(piece)
            target.write(piece)
    digests[name] = digest.hexdigest()
