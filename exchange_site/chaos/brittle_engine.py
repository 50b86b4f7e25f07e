"""`manage.py run_engine` with one bug: a command whose key begins with `poison` breaks it half way through. With
`--forgetful` the bug is that it knows no idempotency keys. A program."""

import signal
import sys
from types import FrameType
from typing import Any

import django
import msgspec

from exchange_site.chaos.workload import POISON
from matching.core.engine import Engine
from matching.messages import Command


class Brittle(Engine):
    """The real engine otherwise."""

    def apply(self, command: Command, command_id: str, at_ms: int) -> Any:
        applied = super().apply(command, command_id, at_ms)
        if (command.idempotency_key or "").startswith(POISON):
            raise ZeroDivisionError("a bug that only this command meets")
        return applied


class Forgetful(Engine):
    """Serves whoever asks again again."""

    def apply(self, command: Command, command_id: str, at_ms: int) -> Any:
        return super().apply(msgspec.structs.replace(command, idempotency_key=None), command_id, at_ms)


def main(arguments: list[str]) -> int:
    kind = Forgetful if arguments == ["--forgetful"] else Brittle
    django.setup()
    from matching.runtime import config
    from matching.runtime.process import EngineProcess
    from matching.runtime.recovery import Makers

    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    return EngineProcess(config.from_settings(), lambda: stopping, Makers(kind, kind.load)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
