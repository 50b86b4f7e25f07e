"""A backup of a running exchange in a store that speaks S3, restored on an empty home, is the same exchange.

(`./exchange drill` does the same with a folder.)
"""

import re
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from exchange_site.tests.e2e.running import wait_until
from matching.runtime.readonly import load_engine_readonly

STORE = "s3://vault/exchange"
SERVERS_ONLY = "engine,db_writer,market_feed,user_feed,web,market_maker,celery_worker,celery_beat,signer"


def chain_of(exchange, n):
    """The hash chain after outcome `n`, replayed from the files of a home."""
    return load_engine_readonly(exchange.home / "journal", exchange.home / "snapshots", n)[1].hex()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    return tmp_path_factory.mktemp("key") / "backup.key"


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """The settings that lead to a store with an empty bucket, reached over HTTP as any other."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = {"ENDPOINT": f"http://{host}:{port}", "ACCESS_KEY": "backup", "SECRET_KEY": "backup-secret"}
    boto3.client(
        "s3", endpoint_url=found["ENDPOINT"], region_name="us-east-1", aws_access_key_id=found["ACCESS_KEY"],
        aws_secret_access_key=found["SECRET_KEY"],
    ).create_bucket(Bucket="vault")  # fmt: skip
    yield {f"BACKUP_S3_{name}": value for name, value in found.items()}
    server.stop()


def test_a_backup_restored_on_an_empty_home_reaches_the_same_chain_hash(start_exchange, watched, bucket, key_file):
    first = watched
    first.environment.update(bucket)  # Of the commands from now on; the processes need none of it.
    first.manage("backup", "new-key", str(key_file))
    wait_until(lambda: first.status()["engine"]["n"] > 150, 60, "something was traded")
    said = first.manage("backup", "make", STORE, "--key", str(key_file))
    assert "tables of the database are equal" in said
    at_backup = re.search(r"outcome (\d+), chain ([0-9a-f]{16})", said)
    name = re.search(r"^(\d{8}-\d{6})", first.manage("backup", "list", STORE, "--key", str(key_file)), re.MULTILINE)[1]

    second = start_exchange("--without", SERVERS_ONLY, **bucket)
    restore = ("restore", f"{STORE}/{name}", "--key", str(key_file))
    assert "Nothing was changed" in second.manage(*restore)
    told = second.manage(*restore, "--yes")
    told_n, told_chain = re.search(r"start at outcome (\d+) with chain ([0-9a-f]+)", told).groups()
    assert int(told_n) >= int(at_backup[1])
    assert chain_of(first, int(at_backup[1])).startswith(at_backup[2])
    assert chain_of(first, int(told_n)) == chain_of(second, int(told_n)) == told_chain
    refused = second.call("manage", *restore, "--yes")
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
    second.down()

    second.up("--without", "market_maker,celery_beat")
    assert second.status()["engine"]["n"] >= int(told_n)
    second.manage("reconcile")
    assert second.demo == first.demo
    assert "is whole" in second.manage("audit", "verify")
    assert chain_of(second, int(told_n)) == told_chain
    second.down()
