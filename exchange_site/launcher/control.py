"""The supervisor's control socket: one JSON line asks, one JSON line answers.

It lies in the run folder, which only its owner may enter; that is the whole access control.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from exchange_site.launcher.home import Home, LauncherError

LONGEST_PATH = 100  # Bytes; the kernel allows a socket's path 108.
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name for the socket that fits; deep folders are entered for the moment of binding or connecting."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)
        yield path.name
    finally:
        os.fchdir(before)
        os.close(before)


async def serve(path: Path, handle: Handler) -> asyncio.Server:
    path.unlink(missing_ok=True)  # Left by a supervisor that was killed; we hold the lock.
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_name(path) as name:
        listener.bind(name)
    path.chmod(0o600)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            if not (line := await reader.readline()):
                return
            try:
                answer = await handle(json.loads(line))
            except (LauncherError, ValueError) as error:
                answer = {"error": str(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()

    return await asyncio.start_unix_server(talk, sock=listener)


def ask(home: Home, request: dict[str, Any], timeout_s: float = 60.0) -> dict[str, Any]:
    """Asks the running supervisor; raises LauncherError when there is none, it says no, or it takes too long."""
    if not home.is_running():
        raise LauncherError(f"The exchange in {home.path} is not running; start it with {home.command('up')}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            with short_name(home.control) as name:
                connection.connect(name)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as file:
                answer = file.readline()
        except TimeoutError:
            raise LauncherError(f"The exchange did not answer within {timeout_s:g} s (see its log).") from None
        except OSError as error:
            raise LauncherError(
                f"The exchange in {home.path} is just starting or stopping, or its control socket is gone "
                f"({error.strerror}); try again in a moment."
            ) from None
    if not answer:
        raise LauncherError("The exchange ended while answering.")
    result = dict(json.loads(answer))
    if "error" in result:
        raise LauncherError(str(result["error"]))
    return result
