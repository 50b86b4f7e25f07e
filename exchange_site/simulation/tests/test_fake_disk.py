"""The simulated disk forgets what it may forget, and nothing else."""

from pathlib import Path
from random import Random

import pytest

from exchange_site.simulation.fake_disk import PAGE, Disk

DIRECTORY = Path("/d")
FILE = DIRECTORY / "file"
SEEDS = range(60)


def disk_with_file() -> Disk:
    disk = Disk()
    disk.make_directory(DIRECTORY)
    disk.sync_directory(DIRECTORY.parent)
    disk.create(FILE)
    return disk


def after_power_loss(disk: Disk, seed: int) -> bytes | None:
    disk.lose_power(Random(seed))
    directory = disk.directories.get(DIRECTORY)
    inode = directory.seen.get(FILE.name) if directory else None
    return None if inode is None else bytes(inode.seen)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_synced_survives(seed):
    disk = disk_with_file()
    disk.file(FILE).write(b"x" * 3 * PAGE, 0)
    disk.file(FILE).sync()
    disk.sync_directory(DIRECTORY)
    disk.file(FILE).write(b"y" * PAGE, 3 * PAGE)
    assert (after_power_loss(disk, seed) or b"")[: 3 * PAGE] == b"x" * 3 * PAGE


def test_what_was_not_synced_may_be_there_or_not_or_torn():
    found = set()
    for seed in SEEDS:
        disk = disk_with_file()
        disk.sync_directory(DIRECTORY)
        disk.file(FILE).write(b"x" * 3 * PAGE, 0)
        found.add(after_power_loss(disk, seed))
    assert b"" in found or bytes(3 * PAGE) in found
    assert b"x" * 3 * PAGE in found
    assert len(found) > 5


def test_a_name_is_durable_only_after_its_directory_was_synced():
    found = set()
    for seed in SEEDS:
        disk = disk_with_file()
        disk.file(FILE).write(b"x", 0)
        disk.file(FILE).sync()
        found.add(after_power_loss(disk, seed))
    assert found == {None, b"x"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rename_is_all_or_nothing(seed):
    disk = disk_with_file()
    disk.file(FILE).write(b"old", 0)
    disk.file(FILE).sync()
    disk.sync_directory(DIRECTORY)
    new = disk.create(DIRECTORY / "new")
    new.write(b"new", 0)
    new.sync()
    disk.sync_directory(DIRECTORY)
    disk.rename(DIRECTORY / "new", FILE)
    disk.lose_power(Random(seed))
    names = {name: bytes(inode.seen) for name, inode in disk.directories[DIRECTORY].seen.items()}
    assert names in ({FILE.name: b"old", "new": b"new"}, {FILE.name: b"new"})


@pytest.mark.parametrize("seed", SEEDS)
def test_pages_of_a_failed_sync_read_well_and_are_lost_all_the_same(seed):
    disk = disk_with_file()
    disk.sync_directory(DIRECTORY)
    inode = disk.file(FILE)
    inode.write(b"x" * PAGE, 0)
    inode.drop_pages()
    inode.sync()  # Has nothing to do, and says that all is well.
    assert bytes(inode.seen) == b"x" * PAGE
    assert after_power_loss(disk, seed) == b""


def test_a_directory_that_was_just_made_may_vanish():
    found = set()
    for seed in SEEDS:
        disk = Disk()
        disk.make_directory(DIRECTORY)
        disk.lose_power(Random(seed))
        found.add(DIRECTORY in disk.directories)
    assert found == {True, False}
