"""The simulated Redis and a real one are asked the same random questions and must give the same answers.

Approximate trimming is left out: how much a server takes away is its own affair.
"""

import random

import pytest
import redis
from django.conf import settings

from exchange_site.kernel import redis_names
from exchange_site.kernel.script import Script
from exchange_site.simulation.fake_redis import Pairs, RedisData, Stream, copy_of
from exchange_site.simulation.lua import CommandFailed
from matching.client import engine_notes
from matching.transport import admit, scripts
from matching.transport.connection import LogConnection

ENG, EV, CMD, STANDBY = redis_names.ENGINE, redis_names.EVENTS, redis_names.COMMANDS, redis_names.STANDBYS
REPLIES = [redis_names.replies(origin) for origin in ("web-1", "web-2")]
STREAMS = (EV, CMD, *REPLIES)
STEPS = 250


@pytest.fixture
def real():
    client = redis.Redis.from_url(settings.REDIS_LOG_URL)
    client.flushdb()
    client.script_flush()
    connection = LogConnection(settings.REDIS_LOG_URL)
    yield connection
    connection.close()
    client.flushdb()
    client.close()


def number(rng):
    return str(rng.choice([0, 1, 2, 3, 5, 40, 3_000]))


def leader(rng):
    """Term and owner; mostly one that can be right."""
    return rng.choice([("1", "a"), ("1", "a"), ("2", "b"), ("2", "b"), ("1", "b"), ("10", "c")])


def publish(rng, n):
    first = n + rng.choice([1, 1, 1, 1, 2, 0])
    outcomes = rng.random() < 0.8
    last = str(first + rng.randrange(3)) if outcomes else ""
    answered = rng.sample(REPLIES, rng.randrange(3))
    chain = rng.randbytes(32)
    before = str(rng.choice([n, n, n, n, n + 1]))
    words = [before, str(first), last, number(rng), chain, chain.hex(), number(rng), number(rng), rng.randbytes(9)]
    return (ENG, EV, *answered), (*leader(rng), *words, *(rng.randbytes(5) for _ in answered))


def as_leader(*more):
    """A call with these arguments, and some more than it needs today."""
    return lambda rng, n: ((ENG, EV), (*leader(rng), *(make(rng) for make in more), number(rng), number(rng)))


def text(rng):
    return rng.choice(["1", "7", "7", "open", "closed", "cancel_only"])


CALLS = {
    scripts.FENCE: as_leader(number),
    scripts.ANCHOR: as_leader(number, number, text, number),
    scripts.OPEN: as_leader(number, number, lambda rng: rng.choice(["open", "cancel_only"])),
    scripts.ADMIT: as_leader(text),
    scripts.STEP_DOWN: as_leader(),
    scripts.RENEW: as_leader(number, number),
    scripts.CLOSE: as_leader(number),
    scripts.SNAPSHOT_DONE: as_leader(text, number),
    scripts.RESET_EVENTS: as_leader(text),
    scripts.DROP_REPUBLISH: as_leader(text),
    scripts.PUBLISH: publish,
    scripts.ANNOUNCE: lambda rng, n: ((STANDBY,), (rng.choice("ab"), "{}", rng.choice(["0", "1", "60000"]))),
    admit.SCRIPT: lambda rng, n: (admit.KEYS, ("1", number(rng), number(rng), rng.randbytes(4), rng.choice("01"))),
    Script(engine_notes._NOTE): lambda rng, n: (
        (ENG,),
        (rng.choice(["db_n", "republish_from", "snapshot_requested", "stepdown"]), text(rng)),
    ),
}


def plain_command(rng, n):
    """Commands sent outside of scripts, by the engine, readers and clients."""
    after = rng.choice(["0-0", f"{n}-0", f"{max(0, n - 2)}-0", f"({n}-0", "-"])
    stream = rng.choice(STREAMS)
    return rng.choice(
        [
            ("HGET", ENG, rng.choice(["term", "n", "nothing"])),
            ("HMGET", ENG, "owner", "lease", "n"),
            ("HGETALL", STANDBY),
            ("XREAD", "COUNT", 3, "STREAMS", stream, after if after[0].isdigit() else "0"),
            ("XRANGE", stream, after, "+", "COUNT", 2),
            ("XREVRANGE", stream, "+", "-", "COUNT", 1),
            ("XINFO", "STREAM", rng.choice([*STREAMS, "nothing"])),
            ("XADD", CMD, f"{n + rng.randrange(3)}-{rng.randrange(2)}", "b", "x"),
            ("XDEL", CMD, f"{n}-0", f"{n}-1"),
            ("DEL", rng.choice(["nothing", EV if rng.random() < 0.1 else "nothing"])),
            ("PING",),
        ]
    )


def ask_real(real, words):
    try:
        return real.call(*words)
    except redis.ResponseError as error:
        return CommandFailed(str(error))


def ask_simulated(data, words):
    arguments = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return data.execute(arguments)[0]


def comparable(answer):
    if isinstance(answer, CommandFailed):
        return "error", str(answer).removeprefix("ERR ").removeprefix("NOSCRIPT ")[:19]
    if isinstance(answer, Pairs) and len(answer) == 2 and isinstance(answer[1], list):
        return [list(answer)]  # XREAD.
    if isinstance(answer, list):
        return [comparable(one) for one in answer]
    return answer


def state_of_real(real):
    state = {}
    for name in (ENG, STANDBY):
        flat = real.call("HGETALL", name)
        if flat:
            state[name] = dict(zip(flat[::2], flat[1::2], strict=True))
    for name in STREAMS:
        info = ask_real(real, ("XINFO", "STREAM", name))
        if not isinstance(info, CommandFailed):
            last = dict(zip(info[::2], info[1::2], strict=True))[b"last-generated-id"]
            state[name] = (last, real.call("XRANGE", name, "-", "+"))
    return state


def state_of_simulated(data):
    state = {}
    for key, value in data.data.items():
        if isinstance(value, Stream):
            entries = [[b"%d-%d" % entry_id, fields] for entry_id, fields in value.entries]
            state[key.decode()] = (b"%d-%d" % value.last, entries)
        else:
            state[key.decode()] = value
    return state


def only_needed(words, answer):
    """Of XINFO, the one field that is read."""
    if words[0] == "XINFO" and not isinstance(answer, CommandFailed):
        return dict(zip(answer[::2], answer[1::2], strict=True))[b"last-generated-id"]
    return answer


def milliseconds(real):
    seconds, micros = real.call("TIME")
    return int(seconds) * 1000 + int(micros) // 1000


@pytest.mark.parametrize("seed", range(12))
def test_the_simulated_redis_answers_as_the_real_one(real, seed):
    rng = random.Random(seed)
    now_ms = [0]
    data = RedisData(lambda: now_ms[0])
    n = 0
    for step in range(STEPS):
        if rng.random() < 0.7:
            script = rng.choice([*CALLS, *[scripts.PUBLISH] * 6, admit.SCRIPT, scripts.OPEN])
            keys, words = CALLS[script](rng, n)
            call = rng.choice([script.by_sha, script.in_full])(keys, words)
        else:
            call = plain_command(rng, n)
        before_ms = milliseconds(real)
        expected = comparable(only_needed(call, ask_real(real, call)))
        after_ms = milliseconds(real)
        wanted = expected, state_of_real(real)
        image, known = copy_of(data.data), dict(data._scripts)
        seen = []
        for now_ms[0] in range(before_ms, after_ms + 1):  # The real one did not say when within these it looked.
            data.data, data._scripts = copy_of(image), dict(known)
            seen.append((comparable(only_needed(call, ask_simulated(data, call))), state_of_simulated(data)))
            if seen[-1] == wanted:
                break
        assert seen[-1] == wanted, f"seed {seed}, step {step}: {call}"
        n = int(wanted[1].get(ENG, {}).get(b"n", 0))


def test_every_script_of_the_log_takes_part():
    known = {value for value in vars(scripts).values() if isinstance(value, Script)}
    assert known <= set(CALLS)


def test_a_restart_replays_exactly_what_was_written():
    """The effects of any calls, applied to an empty server, give the same data: scripts are all or nothing."""
    rng = random.Random(5)
    data, twin = RedisData(lambda: 1_000_000), RedisData(lambda: 0)
    n = 0
    for _ in range(400):
        script = rng.choice([*CALLS, *[scripts.PUBLISH] * 6])
        keys, words = CALLS[script](rng, n)
        call = [word if isinstance(word, bytes) else str(word).encode() for word in script.in_full(keys, words)]
        twin.replay(data.execute(call)[1])
        n = int(data.execute([b"HGET", ENG.encode(), b"n"])[0] or 0)
    assert state_of_simulated(twin) == state_of_simulated(data)
    assert n > 5
