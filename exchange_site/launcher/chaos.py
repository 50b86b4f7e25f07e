"""`./exchange chaos`: a folder and an environment for an exchange that may be broken, and the campaign."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from exchange_site.launcher.child import die_with_parent
from exchange_site.launcher.home import ROOT, Home

KEPT = "kept"  # The campaign leaves a file of this name where its evidence is to be kept.


def chaos(home: Home, options: argparse.Namespace) -> int:
    """Never touches `home`, whose data somebody may want. Ctrl-C reaches the campaign too; it stops its processes."""
    if not {"--help", "-h", "--list"}.isdisjoint(options.words):
        return run(Path(os.devnull), dict(os.environ), options.words)
    folder = Path(tempfile.mkdtemp(prefix="exchange-chaos-"))
    folder.chmod(0o755)  # Where PostgreSQL runs as nobody it must be able to pass here.
    theirs = ("EXCHANGE_", "REDIS_", "ENGINE_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    for name in ("DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FILE"):
        environ.pop(name, None)
    place = Home(folder / "home", environ)
    place.prepare()
    if os.geteuid() == 0:
        place.path.chmod(0o711)
    for name in ("redis", "postgres"):
        place.pick_port(name)
    environment = place.environment() | {"ENGINE_SEGMENT_BYTES": str(512 * 1024), "ENGINE_SNAPSHOT_EVERY_S": "20"}
    try:
        return run(place.path, environment, options.words)
    finally:
        if not (place.path / KEPT).exists():
            shutil.rmtree(folder, ignore_errors=True)


def run(home: Path, environment: dict[str, str], words: list[str]) -> int:
    command = [sys.executable, "-m", "exchange_site.chaos", "--home", str(home), *words]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509
    ) as running:
        signal.signal(signal.SIGTERM, lambda *_: running.terminate())
        while True:
            try:
                return running.wait()
            except KeyboardInterrupt:
                continue  # It was told as well, and ends when all its processes have.
