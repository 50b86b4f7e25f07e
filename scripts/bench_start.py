"""`./exchange bench start`: seconds from `up` to the first matched trade, on a new home and on one that has data."""

import json
import threading
import time
import urllib.error
import urllib.request

from bench_support import Scratch, machine, scratch_exchange, wait_until


def traded_since(port: int, since_ms: int) -> bool:
    address = f"http://127.0.0.1:{port}/api/v1/trades?symbol=SOL_USDC&limit=1"
    try:
        with urllib.request.urlopen(address, timeout=1) as answer:
            trades = json.load(answer)
    except (OSError, urllib.error.URLError):
        return False
    return bool(trades) and trades[0]["timestamp"] >= since_ms


def start_again(scratch: Scratch) -> float:
    scratch.call("down")
    began, began_ms = time.monotonic(), time.time_ns() // 1_000_000
    up = threading.Thread(target=scratch.call, args=("up", "--detach"))
    up.start()
    wait_until(lambda: traded_since(scratch.port, began_ms), "the first trade")
    seconds = time.monotonic() - began
    up.join()
    return seconds


def main() -> None:
    print(machine())
    began, began_ms = time.monotonic(), time.time_ns() // 1_000_000
    with scratch_exchange() as scratch:
        wait_until(lambda: traded_since(scratch.port, began_ms), "the first trade")
        print(f"new home, environment made before, to the first matched trade: {time.monotonic() - began:.1f} s")
        print(f"later start, to the first matched trade: {start_again(scratch):.1f} s")


if __name__ == "__main__":
    main()
