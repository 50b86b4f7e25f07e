"""Real processes of the wallet: a real engine on its journal, Celery's tasks and the signer, each killed with -9."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.db import connection

from matching.tests.runtime.processes import Engines

TASK = "import django; django.setup(); from accounts.wallet.tasks import {0}; {0}()"
REQUEST = """
import django; django.setup()
from accounts.models import Account
from accounts.wallet import withdrawals
withdrawals.request(Account.objects.get(pk={account}), withdrawals.Wish("SOL", "Solana", "{address}", "5",
                    client_id="once", key_id=1))
"""


class Processes:
    """Runs programs with the settings of this test: its database, its log, its signer's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deaths = 0

    def environment(self, crash_at: str = "") -> dict[str, str]:
        database = connection.settings_dict
        url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "exchange_site.settings.test",
            "DATABASE_URL": f"{url}/{database['NAME']}",
            "SIGNER_DIR": str(self.folder / "signer"),
            "WALLET_CRASH_AT": crash_at,
        }

    def run(self, *command: str, crash_at: str = "") -> int:
        """The exit code; a death by SIGKILL is counted, everything else must end well."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env=self.environment(crash_at),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode == -signal.SIGKILL:
            self.deaths += 1
        else:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.returncode

    def task(self, name: str, crash_at: str = "") -> int:
        return self.run("-c", TASK.format(name), crash_at=crash_at)

    def signer(self, crash_at: str = "") -> int:
        return self.run("manage.py", "run_signer", "--once", crash_at=crash_at)

    def request(self, account: int, address: str, crash_at: str = "") -> int:
        return self.run("-c", REQUEST.format(account=account, address=address), crash_at=crash_at)


__all__ = ["Engines", "Processes"]
