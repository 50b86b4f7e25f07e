"""The statement and its lots as lines of CSV files. Amounts in whole coins, values in USDC, times UTC."""

from collections.abc import Iterator

from accounts.wallet.value import VALUED_IN
from exchange_site.kernel.money import from_units
from trading.history.lines import moment
from trading.statements.books import AssetYear, Books, Disposal

_V = VALUED_IN.lower()
SUMMARY_HEAD = (
    "year", "asset", "opening", f"opening_cost_{_V}", "received", f"received_value_{_V}", "bought",
    f"bought_cost_{_V}", "disposed", f"disposed_cost_{_V}", f"proceeds_{_V}", f"gain_{_V}", "sent",
    f"sent_cost_{_V}", "trade_fees_included", "closing", f"closing_cost_{_V}", "values_without_price",
)  # fmt: skip
LOTS_HEAD = (
    "asset", "acquired_utc", "origin", "disposed_utc", "amount", f"cost_{_V}", f"proceeds_{_V}", f"gain_{_V}",
    "cost_is",
)  # fmt: skip


def summary_lines(account_id: int, year: int, decimals: int) -> Iterator[list[str]]:
    books = Books(account_id, year)
    for _ in books.walk():
        pass
    for row in books.figures():
        yield summary_line(row, year, decimals)


def summary_line(row: AssetYear, year: int, decimals: int) -> list[str]:
    """`decimals` are those of the valuing asset. For it costs and gains are empty: they are its amounts."""
    amount = row.asset.spec().format
    own = row.asset.symbol == VALUED_IN

    def value(units: int) -> str:
        return "" if own else from_units(units, decimals)

    return [
        str(year), row.asset.symbol, amount(row.opening_units), value(row.opening_cost),
        amount(row.received_units), value(row.received_value), amount(row.bought_units), value(row.bought_cost),
        amount(row.disposed_units), value(row.disposed_cost), value(row.proceeds), value(row.gain),
        amount(row.sent_units), value(row.sent_cost), amount(row.fee_units), amount(row.closing_units),
        value(row.closing_cost), str(row.unknown_values),
    ]  # fmt: skip


def lot_lines(account_id: int, year: int, decimals: int) -> Iterator[list[str]]:
    """One line for each part of a lot that a disposal of the year used up, as they happened."""
    for disposal in Books(account_id, year).walk():
        yield lot_line(disposal, decimals)


def lot_line(disposal: Disposal, decimals: int) -> list[str]:
    match = disposal.match
    return [
        disposal.asset.symbol,
        moment(match.acquired_at),
        match.origin,
        moment(match.disposed_at),
        disposal.asset.spec().format(match.units),
        from_units(match.cost, decimals),
        from_units(match.proceeds, decimals),
        from_units(match.gain, decimals),
        "paid" if match.is_known else "market_value_on_arrival",
    ]
