"""Text becomes whole numbers, or a sentence that says why not. Never something near it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_site.kernel.money import NotADecimal, TooManyDecimals, from_units, padded, to_units
from matching.messages import MAX_INT
from matching.symbols import AssetSpec, InvalidNumber, market_spec

BTC, USDC, ETH = AssetSpec("BTC", 8), AssetSpec("USDC", 6), AssetSpec("ETH", 9)
BTC_USDC = market_spec("BTC_USDC", BTC, USDC, Decimal("0.1"), Decimal("0.00001"), Decimal("0.00001"))
ETH_BTC = market_spec("ETH_BTC", ETH, BTC, Decimal("0.000001"), Decimal("0.01"), Decimal("0.02"))

NOT_DECIMALS = [
    "", " 1", "1 ", "+1", "-1", "-0", "1e5", "1E5", "1_000", "1,5", ".5", "5.", "0x10", "NaN", "sNaN", "Infinity",
    "１２", "١٢", "00", "01", "1.1.1", "1" * 19, "0." + "1" * 19, "9" * 5000, "\x001", "½", "1\n",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_DECIMALS, ids=repr)
def test_what_is_no_plain_decimal_is_refused(text):
    with pytest.raises(NotADecimal):
        to_units(text, 6)
    with pytest.raises(InvalidNumber):
        BTC_USDC.parse_price(text)


@given(units=st.integers(0, 10**18 - 1), decimals=st.integers(0, 18))
def test_text_and_units_are_two_spellings_of_one_amount(units, decimals):
    assert to_units(from_units(units, decimals), decimals) == units
    assert to_units(padded(units, decimals), decimals) == units
    assert Decimal(from_units(units, decimals)) == Decimal(units).scaleb(-decimals)


def test_superfluous_zeros_are_fine_but_no_digit_is_dropped():
    assert to_units("1.500000", 1) == 15
    with pytest.raises(TooManyDecimals):
        to_units("1.55", 1)


def test_prices_fit_the_tick_and_quantities_the_step():
    assert BTC_USDC.parse_price("97412.5") == 974_125
    assert BTC_USDC.parse_quantity("0.00001") == 1
    with pytest.raises(InvalidNumber, match="Price decimal too long"):
        BTC_USDC.parse_price("97412.55")
    with pytest.raises(InvalidNumber, match="Quantity decimal too long"):
        BTC_USDC.parse_quantity("0.000001")
    with pytest.raises(InvalidNumber, match="below the minimum"):
        BTC_USDC.parse_quantity("0")
    with pytest.raises(InvalidNumber, match="below the minimum"):
        ETH_BTC.parse_quantity("0.01")
    with pytest.raises(InvalidNumber, match="above zero"):
        BTC_USDC.parse_price("0.0")


def test_a_step_that_is_no_power_of_ten():
    market = market_spec("BTC_USDC", BTC, USDC, Decimal("0.5"), Decimal("0.002"), Decimal("0.002"))
    assert market.parse_price("10.5") == 21
    assert market.format_price_padded(20) == "10.0"
    with pytest.raises(InvalidNumber, match=r"multiple of 0\.5"):
        market.parse_price("10.4")


def test_every_notional_is_exact():
    ticks, lots = BTC_USDC.parse_price("97412.5"), BTC_USDC.parse_quantity("0.12345")
    exact = Decimal("97412.5") * Decimal("0.12345")
    assert Decimal(BTC_USDC.format_quote(BTC_USDC.notional_units(ticks, lots))) == exact


def test_a_market_whose_notionals_would_need_rounding_is_refused():
    with pytest.raises(InvalidNumber, match="whole number of USDC"):
        market_spec("BTC_USDC", BTC, USDC, Decimal("0.01"), Decimal("0.00001"), Decimal("0.00001"))
    with pytest.raises(InvalidNumber, match="whole number of BTC"):
        market_spec("BTC_USDC", BTC, USDC, Decimal("1000"), Decimal("0.000000001"), Decimal("1"))
    with pytest.raises(InvalidNumber, match="BASE_QUOTE"):
        market_spec("BTCUSDC", BTC, USDC, Decimal("0.1"), Decimal("0.00001"), Decimal("0.00001"))


def test_numbers_beyond_what_travels_are_refused():
    assert MAX_INT < 2**63
    with pytest.raises(InvalidNumber, match="too large"):
        ETH_BTC.parse_price("9" * 18)
