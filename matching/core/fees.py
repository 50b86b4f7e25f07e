"""Fees: parts per million of what an order receives, rounded up, to the venue (docs/money.md)."""

PPM = 1_000_000


def fee_units(received_units: int, rate_ppm: int) -> int:
    """Fee in units of the asset received.

    Rounded up: the remainder goes to the venue's fee account, so no unit is ever minted. Never more than was received.
    """
    assert received_units > 0
    assert 0 <= rate_ppm < PPM
    return -(-received_units * rate_ppm // PPM)


def rebate_units(given_units: int, rate_ppm: int, taker_fee_units: int) -> int:
    """What a maker with a negative fee gets back, in units of the asset given.

    Rounded down and at most the taker's fee of the same trade, which pays for it: a trade never costs the venue money.
    """
    assert rate_ppm < 0
    return min(given_units * -rate_ppm // PPM, taker_fee_units)
