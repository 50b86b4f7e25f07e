"""Programs of the distribution that a test runs and the exchange does not need: from PATH, or fetched and unpacked."""

import shutil
import subprocess
from pathlib import Path

import pytest

from exchange_site.launcher.home import ROOT

KEPT = ROOT / ".tools"
FETCH_TIMEOUT_S = 60
SBIN = "/usr/sbin"


def program(name: str, package: str, untried: str) -> str:
    """The path of a program that runs. Debian's package is unpacked only: installing it would start a server.

    Skips the test where there is none, saying that `untried` is not tried.
    """
    found = shutil.which(name) or shutil.which(name, path=SBIN)
    folder = KEPT / package
    kept = _unpacked(folder, name)
    if found or (kept is not None and _runs(kept)):
        return found or str(kept)
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        pytest.skip(f"There is no {name} here, and no apt to fetch one with: {untried} is not tried.")
    folder.mkdir(parents=True, exist_ok=True)
    fetch = ["apt-get", "download", package]
    got = subprocess.run(fetch, cwd=folder, capture_output=True, check=False, timeout=FETCH_TIMEOUT_S)
    packages = sorted(folder.glob(f"{package}_*.deb"))
    if got.returncode or not packages:
        pytest.skip(f"There is no {name} here and apt cannot fetch it: {untried} is not tried.")
    extract = ["dpkg-deb", "--extract", str(packages[-1]), str(folder)]
    subprocess.run(extract, check=True, timeout=FETCH_TIMEOUT_S)
    kept = _unpacked(folder, name)
    if kept is None or not _runs(kept):
        pytest.skip(f"The {name} of the distribution does not run here by itself: {untried} is not tried.")
    return str(kept)


def _unpacked(folder: Path, name: str) -> Path | None:
    return next((path for place in ("bin", "sbin") if (path := folder / "usr" / place / name).exists()), None)


def _runs(path: Path) -> bool:
    """A program may miss the libraries that its package depends on."""
    try:
        subprocess.run([path, "-h"], capture_output=True, check=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
