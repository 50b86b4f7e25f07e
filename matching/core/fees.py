"""Fees: parts per million of what an order receives, rounded up, to the venue (docs/money.md)."""

PPM = 1_000_000


def fee_units(received_units: int, rate_ppm: int) -> int:
    """Fee in units of the asset received.

    Rounded up: the remainder goes to the venue's fee account, so no unit is ever minted. Never more than was received.
    """
    assert received_units > 0
    assert 0 <= rate_ppm < PPM
    return -(-received_units * rate_ppm // PPM)
