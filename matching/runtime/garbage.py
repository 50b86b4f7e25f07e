"""The engine's process does not look for cyclic garbage: what it makes while it works has no cycles (a test says so).

Looking for some anyway took 7 % of its time, and 90 ms at once with half a million keys. Only a whole state that is
thrown away (a lead that ended, a standby that lost its way) is full of cycles; then there is time to look.
"""

import gc

_is_engine = False


def engine_process() -> None:
    """Call it once, in a process that is an engine and nothing else, when its program has been loaded."""
    global _is_engine
    gc.collect()
    gc.freeze()  # The program itself is never garbage.
    gc.disable()
    _is_engine = True


def state_dropped() -> None:
    """Give the memory of a thrown away state back. Processes that are more than an engine collect as they always do."""
    if _is_engine:
        gc.collect()
