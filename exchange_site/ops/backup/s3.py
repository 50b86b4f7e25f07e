"""Backups in a bucket: sealed files, uploaded in parts, each with its SHA-256, retried a few times and no more."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.utils import timezone

from exchange_site.ops.backup import BackupFailed
from exchange_site.ops.backup.making import MANIFEST, READ_BYTES, make

ATTEMPTS = 4  # Of each request, with growing pauses; then it has failed.
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 60
PART_BYTES = 16 * 2**20  # A larger file goes in parts of this size, each retried by itself.
AT_ONCE = 2
UNFINISHED_AFTER = timedelta(days=1)
SHA256 = "sha256"  # Of the sealed file, beside it: a store that gives back something else is named.
NAME = re.compile(r"^\d{8}-\d{6}$")
MOST = 10_000  # Backups a listing looks at; a store with more has no retention.

T = TypeVar("T")


class S3Store:
    """Backups below `s3://bucket/prefix`, at BACKUP_S3_ENDPOINT, with the key of BACKUP_S3_ACCESS_KEY."""

    def __init__(self, address: str) -> None:
        url = urlsplit(address)
        if not url.netloc or url.query or url.fragment:
            raise BackupFailed(f"{address} is no address of a store: s3://bucket/prefix.")
        self._bucket, self._prefix = url.netloc, url.path.strip("/")
        if not settings.BACKUP_S3_ACCESS_KEY or not settings.BACKUP_S3_SECRET_KEY:
            raise BackupFailed("BACKUP_S3_ACCESS_KEY and BACKUP_S3_SECRET_KEY are not set (see .env.example).")
        self._client: Any = self._asked(_client)

    def make(self, key: bytes) -> str:
        self._folders()  # A wrong key or bucket is told before the work, not after it.
        with _staging() as folder:
            made = make(folder, key)
            files = sorted(path for path in made.iterdir() if path.name != MANIFEST)
            try:
                for path in (*files, made / MANIFEST):
                    self._upload(made.name, path)
            except BaseException:
                self._forget(made.name)
                raise
            return made.name

    def names(self) -> list[str]:
        return [name for name in self._folders() if MANIFEST in self._objects(name)]

    def size(self, name: str) -> int:
        return sum(size for size, _ in self._objects(name).values())

    def remove(self, name: str) -> None:
        files = self._objects(name)
        for file in sorted(files, key=lambda file: file != MANIFEST):
            self._delete(self._key(name, file))

    def remove_unfinished(self) -> int:
        removed = 0
        for name in self._folders():
            files = self._objects(name)
            newest = max((changed for _, changed in files.values()), default=timezone.now())
            if MANIFEST not in files and timezone.now() - newest > UNFINISHED_AFTER:
                self.remove(name)
                removed += 1
        return removed

    @contextmanager
    def local(self, name: str, *, only_manifest: bool = False) -> Iterator[Path]:
        files = self._objects(name)
        if MANIFEST not in files:
            raise BackupFailed(f"There is no backup in {self.where(name)}.")
        with _staging() as folder:
            for file in [MANIFEST] if only_manifest else files:
                self._download(name, folder / file)
            yield folder

    def where(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._key(name, '')}".rstrip("/")

    def _key(self, name: str, file: str) -> str:
        return "/".join(part for part in (self._prefix, name, file) if part)

    def _folders(self) -> list[str]:
        """Names of backups, finished or not, oldest first."""
        base = f"{self._prefix}/" if self._prefix else ""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=base, Delimiter="/", PaginationConfig={"MaxItems": MOST}
        )
        found = self._asked(
            lambda: [one["Prefix"][len(base) : -1] for page in pages for one in page.get("CommonPrefixes", [])]
        )
        return sorted(name for name in found if NAME.match(name))

    def _objects(self, name: str) -> dict[str, tuple[int, Any]]:
        """The files of a backup with their size and when they came."""
        base = self._key(name, "") + "/"
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=base, PaginationConfig={"MaxItems": MOST}
        )
        found = self._asked(lambda: [one for page in pages for one in page.get("Contents", [])])
        files = {one["Key"][len(base) :]: (int(one["Size"]), one["LastModified"]) for one in found}
        return {file: of for file, of in files.items() if file and "/" not in file and file not in (".", "..")}

    def _upload(self, name: str, path: Path) -> None:
        """The store checks each part's SHA-256, and refuses what arrived damaged."""
        extra = {"ChecksumAlgorithm": "SHA256", "Metadata": {SHA256: _digest(path)}}
        key = self._key(name, path.name)
        self._asked(lambda: self._client.upload_file(str(path), self._bucket, key, ExtraArgs=extra, Config=_TRANSFER))
        head = self._asked(lambda: self._client.head_object(Bucket=self._bucket, Key=key))
        if int(head["ContentLength"]) != path.stat().st_size:
            raise BackupFailed(f"{path.name} did not arrive whole at {self.where(name)}.")

    def _download(self, name: str, path: Path) -> None:
        key = self._key(name, path.name)
        head = self._asked(lambda: self._client.head_object(Bucket=self._bucket, Key=key))
        self._asked(lambda: self._client.download_file(self._bucket, key, str(path), Config=_TRANSFER))
        path.chmod(0o600)
        if head.get("Metadata", {}).get(SHA256) != _digest(path):
            raise BackupFailed(f"{path.name} of {self.where(name)} is not what was uploaded.")

    def _delete(self, key: str) -> None:
        self._asked(lambda: self._client.delete_object(Bucket=self._bucket, Key=key))

    def _forget(self, name: str) -> None:
        """Take away what an attempt has uploaded; where even that fails, `remove_unfinished` does it later."""
        try:
            self.remove(name)
        except BackupFailed:
            return

    def _asked(self, question: Callable[[], T]) -> T:
        """The answer. Raises BackupFailed with what to do about a refusal."""
        try:
            return question()
        except ClientError as error:
            raise BackupFailed(self._sentence(error)) from error
        except (BotoCoreError, Boto3Error, ValueError, OSError) as error:
            text = " ".join(str(error).split())[:300]
            cause = error.__context__
            if isinstance(cause, ClientError):
                raise BackupFailed(self._sentence(cause)) from error
            where = settings.BACKUP_S3_ENDPOINT or "Amazon S3"
            raise BackupFailed(f"The store at {where} could not be used: {text} (BACKUP_S3_ENDPOINT).") from error

    def _sentence(self, error: ClientError) -> str:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "NoSuchBucket":
            return f"There is no bucket {self._bucket}. Make it, or correct the address."
        if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "AuthFailure"):
            return "The store does not accept BACKUP_S3_ACCESS_KEY with BACKUP_S3_SECRET_KEY."
        if code in ("AccessDenied", "403", "Forbidden"):
            return f"The store does not let this key read and write the bucket {self._bucket} ({code})."
        if code in ("404", "NoSuchKey"):
            return f"A file of the backup is not in the bucket {self._bucket} any more."
        message = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:200]
        return f"The store refused with {code or 'no code'}: {message}"


_TRANSFER = TransferConfig(
    multipart_threshold=PART_BYTES,
    multipart_chunksize=PART_BYTES,
    max_concurrency=AT_ONCE,
    num_download_attempts=ATTEMPTS,
)


def _client() -> Any:
    """Only the given key is used: nothing is taken from files of this user or from the machine's metadata."""
    session = boto3.session.Session(
        aws_access_key_id=settings.BACKUP_S3_ACCESS_KEY,
        aws_secret_access_key=settings.BACKUP_S3_SECRET_KEY,
        region_name=settings.BACKUP_S3_REGION,
    )
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        s3={"addressing_style": "path" if settings.BACKUP_S3_ENDPOINT else "auto"},
        signature_version="s3v4",
    )
    return session.client("s3", endpoint_url=settings.BACKUP_S3_ENDPOINT or None, config=config)


@contextmanager
def _staging() -> Iterator[Path]:
    """A private folder for one backup, in the home: temporary folders are often memory."""
    base = Path(settings.HOME_DIR) / "backup"
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix="staging-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()
