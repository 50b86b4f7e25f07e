"""Limits, fees and rights in human units, on record before they are sent, and what the engine makes of them."""

from dataclasses import asdict, replace

import pytest

from accounts import trading_rights
from accounts.models import Account, AuditEntry
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import rules
from marketdata.limits import InvalidLimit, LimitsText, limits_for_engine, limits_in_force
from marketdata.models import Asset, Market
from marketdata.staff_acts import By
from matching.messages import MarketState
from trading.venue import rules_in_words

SOL, USDC = Asset(symbol="SOL", decimals=6), Asset(symbol="USDC", decimals=6)
MARKET = Market(
    symbol="SOL_USDC", base=SOL, quote=USDC, tick_size="0.3", step_size="0.00001", min_quantity="0.00001"
)  # As the rows of `venue`.
LIMITS = LimitsText(
    min_quantity="0.00002",
    max_quantity="12.5",
    min_notional="0.000003",
    max_open_orders="7",
    min_price_percent="12.5",
    max_price_percent="250.0001",
    min_impact_percent="99",
    max_impact_percent="101",
    band_percent="5.5",
    band_window_s="30.5",
    auction_s="20",
)


def test_limits_reach_the_engine_exactly_and_come_back_as_typed(venue, eve):
    rules.set_market_limits(venue.market(), LIMITS, By(eve, "calmer"))
    limits = venue.core.markets["SOL_USDC"].limits
    assert (limits.min_quantity_lots, limits.max_quantity_lots, limits.min_notional_units) == (2, 1_250_000, 3)
    assert (limits.min_price_ppm, limits.max_price_ppm) == (125_000, 2_500_001)
    assert (limits.min_impact_ppm, limits.max_impact_ppm) == (990_000, 1_010_000)
    assert (limits.band_ppm, limits.band_window_ms, limits.auction_ms) == (55_000, 30_500, 20_000)
    assert limits_in_force(venue.market()) == LIMITS
    changes = AuditEntry.objects.filter(action="market.limits.change").order_by("pk")
    assert [entry.subject for entry in changes][:2] == [
        "SOL_USDC: min_quantity 0.00001 -> 0.00002",
        "SOL_USDC: max_quantity none -> 12.5",
    ]
    assert changes.count() == 11
    everything_off = LimitsText(min_quantity="0.00001", max_open_orders="12")
    rules.set_market_limits(venue.market(), everything_off, By(eve, "as before"))
    assert limits_in_force(venue.market()) == everything_off


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_quantity", ""), ("min_quantity", "0"), ("min_quantity", "0.000001"), ("min_quantity", "1" + "0" * 12),
        ("max_quantity", "0.00001"), ("max_quantity", "1e5"), ("max_quantity", "-1"), ("min_notional", "0.0000001"),
        ("max_open_orders", "0"), ("max_open_orders", "1.5"), ("max_open_orders", "100001"), ("max_open_orders", ""),
        ("min_price_percent", "100.0001"), ("max_price_percent", "99.9999"), ("max_price_percent", "100000.0001"),
        ("min_impact_percent", "1١"), ("max_impact_percent", "99"), ("band_percent", "0"), ("band_percent", "100"),
        ("band_percent", "5.55555"), ("band_window_s", "0"), ("band_window_s", "86401"), ("auction_s", "0.0001"),
        ("auction_s", "86400.001"),
    ],
)  # fmt: skip
def test_limits_that_do_not_fit_name_their_field(field, value):
    with pytest.raises(InvalidLimit) as caught:
        limits_for_engine(MARKET, replace(LIMITS, **{field: value}))
    assert caught.value.field == field
    assert caught.value.message


def test_an_auction_needs_a_band_and_what_cannot_be_taken_changes_nothing(venue, eve):
    with pytest.raises(InvalidLimit) as caught:
        rules.set_market_limits(venue.market(), replace(LIMITS, band_percent=""), By(eve, "x"))
    assert caught.value.field == "auction_s"
    assert (venue.sent, venue.acts()) == ([], [])


def test_the_limits_of_these_tests_fit():
    """So that the test above fails for the value it names, and for nothing else."""
    assert limits_for_engine(MARKET, LIMITS)["band_ppm"] == 55_000


def test_every_limit_is_named_in_the_form_and_the_command():
    from marketdata.admin_rules import _LIMITS
    from trading.management.commands.market import LIMIT_HELP

    assert list(_LIMITS) == list(LIMIT_HELP) == list(asdict(LIMITS))


def test_fees_by_tier_with_a_rebate_that_the_taker_pays(venue, eve):
    rules.set_market_fees(venue.market(), "0.01", "0.03", By(eve, "campaign"))
    rules.set_market_fees(venue.market(), "-0.03", "0.05", By(eve, "makers"), tier=2)
    assert rules.fees_in_force(venue.market()) == {0: (100, 300), 2: (-300, 500)}
    assert dict(venue.core.markets["SOL_USDC"].fees) == {0: (100, 300), 2: (-300, 500)}
    with pytest.raises(InvalidLimit) as caught:
        rules.set_market_fees(venue.market(), "-0.0301", "0.05", By(eve, "more"), tier=2)
    assert caught.value.message == "A rebate of 0.0301 percent is more than the smallest taker fee, 0.03 percent"
    for maker, taker, tier in (
        ("10.0001", "1", 0),
        ("1", "-1", 0),
        ("0.00001", "1", 0),
        ("x", "1", 0),
        ("1", "1", 100),
    ):
        with pytest.raises(InvalidLimit):
            rules.set_market_fees(venue.market(), maker, taker, By(eve, "x"), tier=tier)
    assert len(venue.sent) == 2


def test_no_reason_no_act(venue, eve, alice):
    for act in (
        lambda by: rules.stop_venue(by),
        lambda by: rules.set_market_state(venue.market(), MarketState.CANCEL_ONLY, by),
        lambda by: rules.set_market_limits(venue.market(), LIMITS, by),
        lambda by: trading_rights.block(alice, None, by),
        lambda by: trading_rights.cancel_all(alice, None, by),
    ):
        for reason in ("", " \n", "\0"):
            with pytest.raises(ApiError):
                act(By(eve, reason))
    assert (venue.sent, venue.acts()) == ([], [])


def test_a_failure_is_on_record_with_its_reason(venue, eve):
    venue.broken = ApiError(errors.MAINTENANCE, "nobody there")
    with pytest.raises(ApiError):
        rules.stop_venue(By(eve, "odd"))
    assert venue.acts() == ["venue.stop", "venue.stop.failed"]
    assert AuditEntry.objects.get(action="venue.stop.failed").reason == "MAINTENANCE: nobody there"


def test_the_wish_is_on_record_before_it_is_sent(venue, eve, monkeypatch):
    seen = []
    monkeypatch.setattr("matching.client.blocking.send_many", lambda *_: seen.extend(venue.acts()) or venue.send(*_))
    rules.stop_venue(By(eve, "odd"))
    assert seen == ["venue.stop"]


def test_rules_that_are_not_active_are_named(venue, eve):
    venue.core.rules_version = 1
    with pytest.raises(ApiError) as caught:
        rules.stop_venue(By(eve, "odd"))
    assert "activate newer rules" in caught.value.message


def test_rights_of_an_account(venue, eve, alice):
    venue.order(price_ticks=100)
    venue.order(price_ticks=101)
    trading_rights.set_tier(alice, 3, By(eve, "volume"))
    trading_rights.block(alice, None, By(eve, "wash trades"))
    assert venue.core.tiers == {1001: 3}
    assert venue.order().reason == "account_blocked"
    assert rules_in_words(1001) == [
        "Fee tier 3",
        "Blocked in all markets since 01 Jan 00:00 UTC by eve@example.org: wash trades",
        "Open orders: 2 in SOL_USDC",
    ]
    assert trading_rights.cancel_all(alice, venue.market("BTC_USDC"), By(eve, "x")) == 0
    assert trading_rights.cancel_all(alice, None, By(eve, "x")) == 2
    assert rules_in_words(1001)[-1] == "Open orders: none"
    assert venue.acts() == ["account.tier", "account.block", "account.cancel_all", "account.cancel_all"]


def test_what_an_account_cannot_have(venue, eve, alice):
    for tier in (-1, 100):
        with pytest.raises(ApiError):
            trading_rights.set_tier(alice, tier, By(eve, "x"))
    for act in (trading_rights.block, trading_rights.ask_to_unblock, trading_rights.cancel_all):
        with pytest.raises(ApiError):
            act(Account.objects.get(pk=1), None, By(eve, "x"))
    rules.set_market_state(venue.market(), MarketState.CLOSED, By(eve, "x"))
    with pytest.raises(ApiError) as caught:
        trading_rights.cancel_all(alice, venue.market(), By(eve, "x"))
    assert "closed" in caught.value.message
