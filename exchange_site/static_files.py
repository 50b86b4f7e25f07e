"""Our own style sheets and scripts reach the browser without comments and blanks; the sources stay readable.

esbuild (installed by npm from the lock file) takes one file at a time: modules stay modules, so there is no bundle and
no build step to forget. What it made is kept under the home folder by content, so each version of a file is made once.
Where esbuild is not there the sources themselves are served: pages are heavier then, and work the same.

Style sheets also get the design tokens that are the same in every theme (spaces, sizes) as values: their names are half
of a style sheet.
"""

import hashlib
import logging
import os
import platform
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

logger = logging.getLogger(__name__)

KINDS = (".css", ".js")
TIMEOUT_S = 10
_MACHINES = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_made: dict[tuple[str, int, int], Path] = {}  # By path and times of change of the source and of the tokens.


def program() -> Path:
    """Where npm puts the program for this machine; it may not exist."""
    system, machine = platform.system().lower(), _MACHINES.get(platform.machine(), platform.machine())
    return settings.BASE_DIR / "node_modules" / "@esbuild" / f"{system}-{machine}" / "bin" / "esbuild"


def light(source: Path) -> Path:
    """The file to serve for `source`: what esbuild made of it, or the source itself."""
    if source.suffix not in KINDS:
        return source
    key = str(source), source.stat().st_mtime_ns, _tokens().stat().st_mtime_ns
    made = _made.get(key)
    if made is None or not made.exists():
        made = _made[key] = _make(source)
    return made


def _make(source: Path) -> Path:
    esbuild = program()
    if not esbuild.exists():
        return source
    content = source.read_bytes()
    if source.suffix == ".css":
        content = _with_constants(content.decode(), _constants()).encode()
    target = settings.STATIC_LIGHT_DIR / f"{source.stem}-{hashlib.sha256(content).hexdigest()[:20]}{source.suffix}"
    if target.exists():
        return target
    command = [str(esbuild), f"--loader={source.suffix[1:]}", "--minify", "--target=es2022", "--log-level=error"]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=TIMEOUT_S, check=True)
        _keep(target, done.stdout)
    except subprocess.SubprocessError as error:
        logger.warning("esbuild did not take %s, it is served as it is: %s", source.name, error)
        _keep(target, content)
    return target


def _keep(target: Path, content: bytes) -> None:
    """Whole or not at all: other processes may make the same file now."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(target)


def _tokens() -> Path:
    return settings.BASE_DIR / "static/css/tokens.css"


def _constants() -> dict[str, str]:
    """Properties that are set once in all of our style sheets, and that by tokens.css: what a theme, a density or a
    part of a page changes is set again. Colours and fonts stay names in any case, as scripts read those."""
    property_set = re.compile(r"(--[a-z][\w-]*):\s*([^;{}]+);")
    sheets = (settings.BASE_DIR / "static/css").rglob("*.css")
    times = Counter(name for sheet in sheets for name, _ in property_set.findall(sheet.read_text(encoding="utf-8")))
    tokens = property_set.findall(_tokens().read_text(encoding="utf-8"))
    return {name: value for name, value in tokens if times[name] == 1 and not name.startswith(("--c-", "--font-"))}


def _with_constants(css: str, constants: dict[str, str]) -> str:
    """`var(--space-12)` as `0.75rem`; where the constants are set (in tokens.css) they go."""
    css = re.sub(r"(--[a-z][\w-]*):\s*[^;{}]+;", lambda match: "" if match[1] in constants else match[0], css)
    return re.sub(r"var\((--[\w-]+)\)", lambda match: constants.get(match[1], match[0]), css)


class LightStorage(FileSystemStorage):
    """Reads what is served, for `collectstatic`."""

    def _open(self, name: str, mode: str = "rb") -> File:
        return File(light(Path(self.path(name))).open(mode))


class LightFinder(FileSystemFinder):
    """The folders of STATICFILES_DIRS; what lies in our own one (which has no prefix) is served light."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for prefix, root in self.locations:
            if not prefix:
                self.storages[root] = LightStorage(location=root)
                self.storages[root].prefix = ""  # type: ignore[attr-defined]

    def find_location(self, root: Any, path: str, prefix: str | None = None) -> str | None:
        found = super().find_location(root, path, prefix)
        return found if found is None or prefix else str(light(Path(found)))
