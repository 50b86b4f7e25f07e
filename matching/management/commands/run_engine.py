"""`manage.py run_engine`: the matching engine, as leader or standing by for one."""

import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from matching.runtime import config, garbage, metrics
from matching.runtime.boot_checks import NotFitToRun, check_interpreter
from matching.runtime.process import EXIT_REFUSED, EngineProcess


class Command(BaseCommand):
    help = "Run the matching engine until SIGTERM or SIGINT. A second one stands by for the first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--standby", action="store_true", help="Do not lead before another engine has been seen leading."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check_interpreter()
        except NotFitToRun as error:
            self.stderr.write(str(error))
            sys.exit(EXIT_REFUSED)
        stopping = False

        def stop(signum: int, frame: FrameType | None) -> None:
            nonlocal stopping
            stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        process = EngineProcess(
            config.from_settings(),
            lambda: stopping,
            allow_volatile_redis=settings.ENGINE_ALLOW_VOLATILE_REDIS,
            standby=options["standby"],
        )
        # Leader and standby share this folder, and in containers both are process 1.
        garbage.engine_process()
        figures = Path(settings.HOME_DIR) / "run" / f"engine-{socket.gethostname()}-{os.getpid()}.prom"
        with metrics.shown(settings.METRICS_PORT, settings.METRICS_HOST, figures):
            code = process.run()
        sys.exit(code)
