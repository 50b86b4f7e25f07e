import asyncio

from marketdata.live_streams import REST_FACTOR, SHORTEST_PAUSE_S, Pacer
from marketdata.tests.feed_rig import eventually


async def test_a_quiet_stream_tells_at_once_and_a_busy_one_after_a_pause():
    loop, told = asyncio.get_running_loop(), []
    pacer = Pacer(lambda: told.append(loop.time()))
    pacer.poke()
    assert len(told) == 1
    pacer.poke()
    pacer.poke()
    assert len(told) == 1
    await eventually(lambda: len(told) == 2)
    assert told[1] - told[0] >= SHORTEST_PAUSE_S


async def test_a_window_collects_before_it_tells():
    loop, told = asyncio.get_running_loop(), []
    pacer = Pacer(lambda: told.append(loop.time()), window_s=0.02)
    begun = loop.time()
    pacer.poke()
    assert not told
    await eventually(lambda: told)
    assert told[0] - begun >= 0.02
    pacer.poke()
    pacer.cancel()
    await asyncio.sleep(0)
    assert len(told) == 1


async def test_the_pause_grows_with_the_cost_of_telling():
    loop, told, cost_s = asyncio.get_running_loop(), [], 2 * SHORTEST_PAUSE_S

    def slowly() -> None:
        told.append(loop.time())
        while loop.time() < told[-1] + cost_s:
            pass

    pacer = Pacer(slowly)
    pacer.poke()
    await asyncio.sleep(0)
    pacer.poke()
    await eventually(lambda: len(told) == 2)
    assert told[1] - told[0] >= REST_FACTOR * cost_s
