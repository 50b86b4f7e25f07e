"""Reading outcomes from the `ev` stream, with the rule that no reader may ever miss one (`docs/protocol.md`).

Redis never says that something was lost: XREAD behind a trim, or past a tail that did not survive, simply returns
the next entry. So continuity is checked here: an entry must begin at or before the reader's next outcome, and what
the reader has already is skipped. A position lives beside the data it produced, never in Redis.
"""

import hashlib
from typing import Any, NamedTuple

import msgspec
import redis
import redis.asyncio

from exchange_site.kernel.redis_names import ENGINE, EVENTS, PAYLOAD_FIELD
from matching import codec
from matching.messages import Outcome

CHAIN_BYTES = 32
GENESIS_CHAIN = bytes(CHAIN_BYTES)
_raw_outcomes_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])


class EventGap(Exception):
    """Outcomes between the reader's position and what the stream has are missing; only a republish can heal it.

    `expected_n` is the outcome the reader needs next, `found_n` the first one there is (None: the stream has none).
    """

    def __init__(self, expected_n: int, found_n: int | None) -> None:
        found = "nothing at all" if found_n is None else f"outcome {found_n}"
        super().__init__(f"The event stream should go on with outcome {expected_n}, but has {found}.")
        self.expected_n = expected_n
        self.found_n = found_n


class BrokenChain(Exception):
    """The outcomes are not the continuation of what the reader has: another history, or damaged bytes."""


class Batch(NamedTuple):
    """Outcomes `first_n` to `last_n` of one stream entry, without those the reader has already.

    `chain` is the engine's hash chain after `last_n`, `payload` the entry's bytes with every outcome of it.
    """

    first_n: int
    last_n: int
    term: int
    chain: bytes
    outcomes: list[Outcome]
    payload: bytes

    def check_chain(self, chain_before: bytes) -> None:
        """Raises BrokenChain unless these outcomes lead from `chain_before` (after `first_n` - 1) to `chain`."""
        chain = chain_before
        for raw in _raw_outcomes_decoder.decode(self.payload)[-len(self.outcomes) :]:
            chain = hashlib.blake2b(chain + bytes(raw), digest_size=CHAIN_BYTES).digest()
        if chain != self.chain:
            raise BrokenChain(
                f"Outcomes {self.first_n} to {self.last_n} (term {self.term}) do not continue the chain "
                f"{chain_before.hex()[:16]} that this reader holds."
            )


def parse_entries(entries: list[tuple[bytes, dict[bytes, bytes]]], after_n: int) -> list[Batch]:
    """The entries as batches that continue after `after_n`. Raises EventGap."""
    batches: list[Batch] = []
    for entry_id, fields in entries:
        last_n = int(entry_id.partition(b"-")[0])
        first_n = int(fields[b"f"])
        if last_n <= after_n:
            continue
        if first_n > after_n + 1:
            raise EventGap(after_n + 1, first_n)
        payload = fields[PAYLOAD_FIELD]
        outcomes = codec.decode_outcomes(payload)
        assert len(outcomes) == last_n - first_n + 1, f"entry {last_n} holds {len(outcomes)} outcomes from {first_n} on"
        outcomes = outcomes[after_n + 1 - first_n :]
        assert outcomes[0].n == after_n + 1, f"entry {last_n} is mislabelled"
        batches.append(Batch(after_n + 1, last_n, int(fields[b"t"]), fields[b"c"], outcomes, payload))
        after_n = last_n
    return batches


def _read_arguments(after_n: int, block_ms: int, max_entries: int) -> tuple[str | int, ...]:
    assert after_n >= 0
    assert max_entries > 0
    blocking: tuple[str | int, ...] = ("BLOCK", block_ms) if block_ms > 0 else ()  # BLOCK 0 would wait for ever.
    return "XREAD", "COUNT", max_entries, *blocking, "STREAMS", EVENTS, f"{after_n}-0"


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of the one stream asked for; RESP2 answers a list of streams, RESP3 a map."""
    if not answer:
        return []
    streams = answer.values() if isinstance(answer, dict) else (entries for _, entries in answer)
    [entries] = streams
    if isinstance(answer, dict) and entries and isinstance(entries[0], list):
        entries = [entry for chunk in entries for entry in chunk]
    return entries  # type: ignore[no-any-return]


def _check_idle(after_n: int, engine_n: Any, newest: Any) -> None:
    """A read brought nothing: is the stream idle, or did it lose its tail? Raises EventGap.

    `engine_n` (what the engine says it published) must have been read before `newest` (the stream's last entry).
    """
    if engine_n is None or int(engine_n) <= after_n:
        return
    if not newest or int(newest[0][0].partition(b"-")[0]) <= after_n:
        raise EventGap(after_n + 1, None)


class EventReader:
    """For threads. Give it a client of the log (`redis_client.log_client`); Redis errors reach the caller."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client

    def read(self, after_n: int, block_ms: int = 500, max_entries: int = 64) -> list[Batch]:
        """Batches from outcome `after_n` + 1 on; an empty list when none came within `block_ms` (0: do not wait).

        Raises EventGap. `block_ms` must be well below the client's socket timeout.
        """
        answer = self._client.execute_command(*_read_arguments(after_n, block_ms, max_entries))
        if not answer:
            _check_idle(after_n, self._client.hget(ENGINE, "n"), self._client.xrevrange(EVENTS, count=1))
        return parse_entries(_entries(answer), after_n)


class AsyncEventReader:
    """For event loops: the same, on `redis_client.async_log_client`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client

    async def read(self, after_n: int, block_ms: int = 500, max_entries: int = 64) -> list[Batch]:
        """See EventReader.read."""
        answer = await self._client.execute_command(*_read_arguments(after_n, block_ms, max_entries))
        if not answer:
            _check_idle(after_n, await self._client.hget(ENGINE, "n"), await self._client.xrevrange(EVENTS, count=1))
        return parse_entries(_entries(answer), after_n)
