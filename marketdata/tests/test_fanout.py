"""Same text to everybody, and a slow reader costs only itself."""

import asyncio

from marketdata.fanout import (
    CLOSE_GOING_AWAY,
    CLOSE_TOO_SLOW,
    QUEUE_BYTES,
    QUEUE_FRAMES,
    Fanout,
    Outbox,
    close_all,
)


class Reader:
    """A socket's far end: takes frames at once, or not at all while `blocked`."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.closed: list[int] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.outbox = Outbox(self.take, self.end)

    async def take(self, texts: list[bytes]) -> None:
        await self.reading.wait()
        self.got += texts

    async def end(self, code: int) -> None:
        self.closed.append(code)


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_each_spelling_gets_the_same_data_under_its_own_name():
    fanout, one, two = Fanout(), Reader(), Reader()
    fanout.subscribe(one.outbox, "trade", "trade.A_B")
    fanout.subscribe(one.outbox, "trade", "trade@A_B")
    fanout.subscribe(two.outbox, "trade", "trade.A_B")
    fanout.subscribe(two.outbox, "trade", "trade.A_B")
    assert fanout.send("trade", b'{"p":"1"}') == 3
    await until(lambda: len(one.got) == 2 and len(two.got) == 1)
    assert sorted(one.got) == [b'{"stream":"trade.A_B","data":{"p":"1"}}', b'{"stream":"trade@A_B","data":{"p":"1"}}']
    assert any(text is two.got[0] for text in one.got), "one text object serves every socket"


async def test_nobody_listens_after_unsubscribing_or_leaving():
    fanout, one, two = Fanout(), Reader(), Reader()
    fanout.subscribe(one.outbox, "a", "a")
    fanout.subscribe(two.outbox, "a", "a")
    fanout.unsubscribe(one.outbox, "a", "a")
    fanout.unsubscribe(one.outbox, "a", "a")
    fanout.unsubscribe(one.outbox, "b", "b")
    assert fanout.count("a") == 1
    assert fanout.drop(two.outbox) == ["a"]
    assert "a" not in fanout
    assert fanout.send("a", b"{}") == 0


async def test_g18_a_reader_that_falls_behind_is_closed_alone():
    fanout, slow, quick = Fanout(), Reader(), Reader()
    slow.reading.clear()
    for reader in (slow, quick):
        fanout.subscribe(reader.outbox, "a", "a")
    for number in range(QUEUE_FRAMES + 2):
        fanout.send("a", b"%d" % number)
        await until(lambda seen=number + 1: len(quick.got) == seen)
    await until(lambda: slow.closed == [CLOSE_TOO_SLOW])
    assert slow.got == []
    assert not quick.closed
    assert not slow.outbox.put(b"more"), "nothing is queued for a socket that is being closed"


async def test_g18_large_frames_fill_the_queue_by_their_size():
    slow = Reader()
    slow.reading.clear()
    large = b"x" * (QUEUE_BYTES // 4)
    assert [slow.outbox.put(large) for _ in range(4)] == [True] * 4
    assert not slow.outbox.put(b"x" * 20)
    await until(lambda: slow.closed == [CLOSE_TOO_SLOW])


async def test_a_burst_within_the_limit_arrives_whole_and_in_order():
    reader = Reader()
    for number in range(QUEUE_FRAMES):
        assert reader.outbox.put(b"%d" % number)
    await until(lambda: len(reader.got) == QUEUE_FRAMES)
    assert reader.got == [b"%d" % number for number in range(QUEUE_FRAMES)]


async def test_before_a_shutdown_every_socket_is_told():
    readers = [Reader() for _ in range(3)]
    assert close_all() >= 3
    await until(lambda: all(reader.closed == [CLOSE_GOING_AWAY] for reader in readers))
