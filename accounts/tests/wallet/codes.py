"""What an authenticator app does."""

import hmac
import struct
import threading
import time
from base64 import b32decode
from hashlib import sha1

STEP_S = 30


def code(secret: str, *, wait_for_next: bool = False) -> str:
    """The code of now, or of the next half minute once it has begun."""
    if wait_for_next:
        threading.Event().wait(STEP_S - time.time() % STEP_S + 0.1)  # Time itself is the condition here.
    digest = hmac.new(b32decode(secret), struct.pack(">Q", int(time.time()) // STEP_S), sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"
