"""How figures are written for people."""

import pytest

from marketdata import figures
from marketdata.models import Kline
from marketdata.page_data import _marker, _spark, chart_shapes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("97412.50", "97,412.50"),
        ("1,234", "1,234"),
        ("123", "123"),
        ("-1234.5", "\u22121,234.5"),
        ("1000000", "1,000,000"),
    ],
)
def test_grouping(text, shown):
    assert figures.grouped(text) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("8.00", ("8", ".00")),
        ("12.50", ("12.5", "0")),
        ("0.00", ("", "0")),
        ("100", ("100", "")),
        ("\u2014", ("\u2014", "")),
    ],
)
def test_zeros_that_carry_nothing_are_dim(text, parts):
    assert figures.dimmed_parts(text) == parts


def test_percent_rounds_to_the_nearest_hundredth():
    assert figures.percent(251, 10_000) == "+2.51\u202f%"
    assert figures.percent(-72, 10_000) == "\u22120.72\u202f%"
    assert figures.percent(1, 30_000) == "0.00\u202f%"
    assert figures.percent(1, 0) == "\u2014"


def test_basis_points_fees_and_short_totals():
    assert figures.basis_points(2, 16_842) == "1.2"
    assert figures.fee(800) == "0.08\u202f%"
    assert figures.fee(1_250) == "0.125\u202f%"
    assert figures.short("69743210.5") == "69.74\u202fM"
    assert figures.short("418204.167") == "418,204.16"
    assert figures.short("0") == "0.00"
    assert figures.at_least("1.5", 2) == "1.50"
    assert figures.at_least("1.2345", 2) == "1.2345"


def test_the_line_of_a_day_stays_inside_its_box():
    spark = _spark([100, 200, 150], 90)
    assert spark.points == "0.0,20.1 54.5,2.0 109.0,11.0"
    assert spark.open_y == "22.0"
    assert _spark([100], 100) is None


def test_the_marker_stands_between_low_and_high():
    assert [_marker(10, 20, at) for at in (10, 15, 20)] == [0, 77, 154]
    assert _marker(None, None, None) == 77


def test_the_chart_of_the_server_ends_at_the_right_edge():
    candle = Kline(open_ticks=10, high_ticks=30, low_ticks=5, close_ticks=20)
    (shape,) = chart_shapes([candle])
    assert shape.rising
    assert (shape.high, shape.low) == (20, 380)
    assert shape.x == 944
    assert shape.top < shape.bottom


@pytest.mark.parametrize(
    ("style", "typed", "plain"),
    [
        ("point", "1,234.5", "1234.5"),
        ("point", " 12.50 ", "12.50"),
        ("point", "1,234", "1234"),
        ("comma", "12,5", "12.5"),
        ("comma", "0,125", "0.125"),
        ("comma", "97.412,5", "97412.5"),
        ("comma", "1,234.5", "1234.5"),
        ("space", "97\u202f412,50", "97412.50"),
    ],
)
def test_what_people_type_is_read_where_it_is_clear(style, typed, plain):
    with figures.write_as(style):
        assert figures.entered(typed) == plain


@pytest.mark.parametrize(
    ("style", "typed"),
    [
        ("point", "12,5"),
        ("point", "1,23,456"),
        ("point", "1.234,5"),
        ("comma", "1,234"),
        ("comma", "1.23,4"),
        ("comma", "1,,2"),
    ],
)
def test_what_could_mean_two_things_keeps_its_comma_and_is_refused(style, typed):
    with figures.write_as(style):
        assert "," in figures.entered(typed)


@pytest.mark.parametrize("style", list(figures.STYLES))
@pytest.mark.parametrize("price", ["97412.50", "0.032041", "1234", "1.234"])
def test_a_field_takes_what_it_shows(style, price):
    with figures.write_as(style):
        assert figures.entered(figures.for_field(price)) == price
        assert figures.entered(figures.for_field(figures.grouped(price))) == price
