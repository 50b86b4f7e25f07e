"""Makes the secrets of an installation, as files: `python3 deploy/make_secrets.py FOLDER` (standard library only).

docker compose mounts the files (SECRETS_FOLDER in `.env`); on Kubernetes each folder below FOLDER becomes one Secret
(`kubectl create secret generic NAME --from-file=FOLDER/NAME`). No process gets one as a value. What is there already
is kept, so a second run adds what a newer version needs. Keep a copy of FOLDER where only operators get to it: nothing
of it can be made again, and without the key in `exchange-backup-secrets` no backup can be read.

FOLDER is closed to everybody but its owner. The files in it are not: compose mounts them as they are, and the processes
that read them are other users.
"""

import argparse
import base64
import os
import secrets
import sys
from pathlib import Path

PASSWORD_BYTES = 48  # 64 characters; Django asks for 50 of its key.
BACKUP_KEY_BYTES = 32
DATABASE_ROLES = {  # And the Secret with its address, which only the processes of that role see (docs/ledger.md).
    "exchange_app": "exchange-app-secrets",
    "exchange_web": "exchange-web-secrets",
    "exchange_writer": "exchange-writer-secrets",
    "exchange_signer": "exchange-signer-secrets",
}
EMPTY = (  # Until you have them.
    "exchange-secrets/SECRET_KEY_FALLBACKS",
    "exchange-secrets/EMAIL_HOST_PASSWORD",
    "exchange-secrets/SENTRY_DSN",
    "exchange-secrets/OTEL_EXPORTER_OTLP_HEADERS",
    "exchange-secrets/WALLET_BITCOIN_RPC_URL",
    "exchange-signer-secrets/SIGNER_BITCOIN_RPC_URL",
    "exchange-backup-secrets/BACKUP_S3_ACCESS_KEY",
    "exchange-backup-secrets/BACKUP_S3_SECRET_KEY",
)


def files(folder: Path, postgres: str, redis_log: str, redis_fan: str) -> dict[str, str]:
    """Path below the folder, and content. The three addresses are HOST:PORT."""

    def password(path: str) -> str:
        kept = folder / path
        return kept.read_text(encoding="ascii") if kept.exists() else secrets.token_urlsafe(PASSWORD_BYTES)

    def of_url(path: str) -> str:
        """The password in the address that is kept there, or a new one."""
        kept = folder / path
        if not kept.exists():
            return secrets.token_urlsafe(PASSWORD_BYTES)
        return kept.read_text(encoding="ascii").partition("://")[2].partition("@")[0].partition(":")[2]

    redis = password("exchange-redis/password")
    owner = password("exchange-postgres/password")
    roles = {role: of_url(f"{secret}/DATABASE_URL") for role, secret in DATABASE_ROLES.items()}
    return {
        "exchange-redis/password": redis,
        "exchange-postgres/password": owner,
        "exchange-owner-secrets/DATABASE_URL": f"postgresql://exchange:{owner}@{postgres}/exchange",
        **{
            f"{secret}/DATABASE_URL": f"postgresql://{role}:{roles[role]}@{postgres}/exchange"
            for role, secret in DATABASE_ROLES.items()
        },
        "exchange-secrets/REDIS_LOG_URL": f"redis://:{redis}@{redis_log}/0",
        "exchange-secrets/REDIS_FAN_URL": f"redis://:{redis}@{redis_fan}/0",
        "exchange-secrets/SECRET_KEY": password("exchange-secrets/SECRET_KEY"),
        "exchange-secrets/METRICS_TOKEN": password("exchange-secrets/METRICS_TOKEN"),
        "exchange-backup-secrets/key": base64.b64encode(secrets.token_bytes(BACKUP_KEY_BYTES)).decode(),
        **dict.fromkeys(EMPTY, ""),
    }


def write(folder: Path, contents: dict[str, str]) -> list[str]:
    """The paths that were new."""
    new = []
    for path, content in contents.items():
        file = folder / path
        if file.exists():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(content)
        file.chmod(0o444)
        new.append(path)
    return new


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--postgres", default="postgres:5432", help="HOST:PORT; the default is that of compose.")
    parser.add_argument("--redis-log", default="redis-log:6379", help="HOST:PORT")
    parser.add_argument("--redis-fan", default="redis-fan:6379", help="HOST:PORT")
    options = parser.parse_args(words)
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if options.folder.stat().st_mode & 0o077:
        sys.stderr.write(f"Others may look into {options.folder}. First: chmod 700 {options.folder}\n")
        return 1
    contents = files(options.folder, options.postgres, options.redis_log, options.redis_fan)
    new = write(options.folder, contents)
    sys.stdout.write(f"{len(new)} new files in {options.folder}, {len(contents) - len(new)} were there.\n")
    sys.stdout.write("docker compose reads them from SECRETS_FOLDER. On Kubernetes:\n")
    for name in sorted({path.partition("/")[0] for path in contents}):
        sys.stdout.write(
            f"kubectl --namespace exchange create secret generic {name} --from-file={options.folder}/{name}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
