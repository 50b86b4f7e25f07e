"""Backups in a bucket, against a server that speaks S3 over HTTP (moto's server mode)."""

import hashlib
import http.server
import json
import secrets
import shutil
import threading
import urllib.request
from io import StringIO
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from django.conf import settings as live_settings
from django.core.management import CommandError, call_command
from moto.server import ThreadedMotoServer

from exchange_site.ops.backup import BackupFailed, making, s3
from exchange_site.ops.backup.stores import open_backup, open_store

GOLDEN = Path(live_settings.BASE_DIR) / "matching/tests/golden/v1"
STORE = "s3://vault/exchange/one"


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def client(server, service="s3", **key):
    key = key or {"aws_access_key_id": "admin", "aws_secret_access_key": "admin-secret"}
    config = Config(s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=server, region_name="us-east-1", config=config, **key)


def post(address, body=b""):
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - our own server
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


@pytest.fixture
def bucket(server, settings, tmp_path):
    """An empty bucket, and the settings that lead to it."""
    post(f"{server}/moto-api/reset")
    post(f"{server}/moto-api/reset-auth", b"1000000")
    client(server).create_bucket(Bucket="vault")
    settings.HOME_DIR = tmp_path / "home"
    settings.BACKUP_S3_ENDPOINT, settings.BACKUP_S3_REGION = server, "us-east-1"
    settings.BACKUP_S3_ACCESS_KEY, settings.BACKUP_S3_SECRET_KEY = "admin", "admin-secret"
    for name in ("journal", "snapshots"):
        shutil.copytree(GOLDEN / name, tmp_path / name)
    settings.JOURNAL_DIR, settings.SNAPSHOT_DIR = tmp_path / "journal", tmp_path / "snapshots"
    return client(server)


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "backup.key"
    call_command("backup", "new-key", str(path), stdout=StringIO())
    return path


def backup(*words):
    said = StringIO()
    call_command("backup", *map(str, words), stdout=said)
    return said.getvalue()


def keys_of(bucket):
    return sorted(one["Key"] for one in bucket.list_objects_v2(Bucket="vault").get("Contents", []))


@pytest.mark.django_db(transaction=True)
def test_a_backup_in_a_bucket_is_fetched_back_and_restored_before_it_counts(bucket, key, log, settings):
    said = backup("make", STORE, "--key", key)
    assert "tables of the database are equal" in said
    assert "The engine reaches outcome" in said
    [name] = open_store(STORE).names()
    assert json.loads((settings.HOME_DIR / making.LAST).read_text())["folder"] == f"{STORE}/{name}"
    assert name in backup("list", STORE, "--key", key)
    assert all(one.startswith(f"exchange/one/{name}/") for one in keys_of(bucket))
    assert list((settings.HOME_DIR / "backup").iterdir()) == [settings.HOME_DIR / making.LAST]
    with open_store(STORE).local(name) as folder:
        assert {path.name for path in folder.iterdir()} == {one.rpartition("/")[2] for one in keys_of(bucket)}
        for path in folder.glob("journal~*"):
            plain = (GOLDEN / "journal" / path.name.partition("~")[2]).read_bytes()
            assert plain[:200] not in path.read_bytes()


@pytest.fixture
def made(bucket, key, monkeypatch):
    """A store with small backups, made without the database."""

    def make(folder, _key):
        at = folder / f"20260101-00000{len(open_store(STORE).names())}"
        at.mkdir()
        (at / "journal~a").write_bytes(secrets.token_bytes(1000))
        (at / making.MANIFEST).write_bytes(b"sealed")
        return at

    monkeypatch.setattr(s3, "make", make)
    return open_store(STORE)


def test_a_large_file_goes_in_parts_and_comes_back_the_same(bucket, made, monkeypatch):
    content = secrets.token_bytes(2 * s3.PART_BYTES + 12_345)

    def make(folder, _key):
        at = folder / "20260101-000000"
        at.mkdir()
        (at / "database~large").write_bytes(content)
        (at / making.MANIFEST).write_bytes(b"sealed")
        return at

    monkeypatch.setattr(s3, "make", make)
    name = made.make(b"")
    head = bucket.head_object(Bucket="vault", Key=f"exchange/one/{name}/database~large")
    assert head["ETag"].strip('"').endswith("-3")
    with made.local(name) as folder:
        assert hashlib.sha256((folder / "database~large").read_bytes()).digest() == hashlib.sha256(content).digest()


def test_what_the_store_changed_is_noticed(bucket, made):
    name = made.make(b"")
    at = f"exchange/one/{name}/journal~a"
    metadata = bucket.head_object(Bucket="vault", Key=at)["Metadata"]
    bucket.put_object(Bucket="vault", Key=at, Body=b"something else", Metadata=metadata)
    with pytest.raises(BackupFailed, match="not what was uploaded"), made.local(name):
        pass


def test_the_newest_stay_and_the_rest_goes_when_asked(bucket, made):
    names = [made.make(b"") for _ in range(4)]
    bucket.put_object(Bucket="vault", Key="exchange/one/notes.txt", Body=b"not ours")
    bucket.put_object(Bucket="vault", Key="exchange/other/20260101-000000/manifest", Body=b"not ours")
    assert f"2 backups would be deleted: {names[0]}, {names[1]}" in backup("prune", STORE, "--keep", 2)
    assert open_store(STORE).names() == names
    backup("prune", STORE, "--keep", 2, "--yes")
    assert open_store(STORE).names() == names[2:]
    assert {"exchange/one/notes.txt", "exchange/other/20260101-000000/manifest"} < set(keys_of(bucket))
    with pytest.raises(CommandError, match="At least one"):
        backup("prune", STORE, "--keep", 0, "--yes")


def test_an_attempt_without_manifest_is_no_backup_and_goes_after_a_day(bucket, made, monkeypatch):
    whole = made.make(b"")
    bucket.put_object(Bucket="vault", Key="exchange/one/20250101-000000/journal~a", Body=b"half")
    assert made.names() == [whole]
    assert made.remove_unfinished() == 0
    monkeypatch.setattr(s3, "UNFINISHED_AFTER", s3.timedelta(0))
    assert made.remove_unfinished() == 1
    assert made.names() == [whole]
    assert not [one for one in keys_of(bucket) if "20250101" in one]


def test_an_upload_that_fails_leaves_nothing(bucket, made, monkeypatch, settings):
    upload = s3.S3Store._upload

    def breaks_at_the_manifest(self, name, path):
        if path.name == making.MANIFEST:
            raise BackupFailed("The line is cut.")
        upload(self, name, path)

    monkeypatch.setattr(s3.S3Store, "_upload", breaks_at_the_manifest)
    with pytest.raises(BackupFailed, match="line is cut"):
        made.make(b"")
    assert keys_of(bucket) == []
    assert list((settings.HOME_DIR / "backup").iterdir()) == []


def test_a_wrong_key_a_key_without_rights_and_a_missing_bucket_are_told_apart(server, bucket, made, settings):
    iam = client(server, "iam")
    iam.create_user(UserName="backup")
    mine = iam.create_access_key(UserName="backup")["AccessKey"]
    post(f"{server}/moto-api/reset-auth", b"0")  # From now on every request is checked.
    with pytest.raises(BackupFailed, match="does not accept BACKUP_S3_ACCESS_KEY"):
        open_store(STORE).names()
    settings.BACKUP_S3_ACCESS_KEY, settings.BACKUP_S3_SECRET_KEY = mine["AccessKeyId"], "wrong"
    with pytest.raises(BackupFailed, match="does not accept BACKUP_S3_ACCESS_KEY"):
        open_store(STORE).make(b"")
    settings.BACKUP_S3_SECRET_KEY = mine["SecretAccessKey"]
    with pytest.raises(BackupFailed, match="does not let this key"):
        open_store(STORE).names()
    post(f"{server}/moto-api/reset-auth", b"1000000")
    with pytest.raises(BackupFailed, match="There is no bucket elsewhere"):
        open_store("s3://elsewhere/one").make(b"")


def test_what_is_not_set_or_no_address_is_told(bucket, settings, key):
    for text in ("s3://", "s3:///prefix"):
        with pytest.raises(BackupFailed, match="no address of a store"):
            open_store(text)
    with pytest.raises(BackupFailed, match="names no backup"):
        open_backup("s3://vault")
    with pytest.raises(CommandError, match="There is no backup in"):
        backup("verify", f"{STORE}/20260101-000000", "--key", key)
    settings.BACKUP_S3_SECRET_KEY = ""
    with pytest.raises(CommandError, match="BACKUP_S3_SECRET_KEY are not set"):
        backup("list", STORE, "--key", key)


def test_a_store_that_fails_is_asked_a_few_times_and_then_named(bucket, settings):
    asked = []

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken) as broken:
        threading.Thread(target=broken.serve_forever, daemon=True).start()
        settings.BACKUP_S3_ENDPOINT = f"http://127.0.0.1:{broken.server_port}"
        with pytest.raises(BackupFailed, match="refused with 503"):
            open_store(STORE).names()
        broken.shutdown()
    assert len(asked) == s3.ATTEMPTS
    with pytest.raises(BackupFailed, match=r"could not be used.*BACKUP_S3_ENDPOINT"):
        open_store(STORE).names()


def test_a_folder_is_a_store_with_the_same_retention(tmp_path):
    for number in range(3):
        folder = tmp_path / f"20260101-00000{number}"
        folder.mkdir()
        (folder / making.MANIFEST).write_bytes(b"sealed")
    backup("prune", tmp_path, "--keep", 1, "--yes")
    assert [path.name for path in tmp_path.iterdir()] == ["20260101-000002"]
