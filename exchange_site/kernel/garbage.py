"""The collector of cyclic garbage, for processes that answer people.

What a program consists of (modules, classes, routes: 160,000 objects in the web process) is never garbage. Looking
through it again took more than 100 ms each time, in which nobody was answered.
"""

import gc

YOUNG = 10_000  # New objects between two looks at the young ones; Python's own 700 means one for nearly every request.


def settle() -> None:
    """Call it once, when everything is loaded: what there is now is not looked at any more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
