"""The ledger as SQL, for migrations: the view over postings and fills, and the rules that keep fills what they are."""

_LOT = "(m.step_size * 10::numeric ^ b.decimals)::bigint"
_BASE = f"(f.quantity_lots * {_LOT})"
_FIRST = "(f.id / 2) * 8 + mod(f.id, 2) * 4"
_FROM = "FROM trading_fill f JOIN marketdata_market m ON m.id = f.market_id JOIN marketdata_asset b ON b.id = m.base_id"


def _legs(number: int, kind: str, account: str, asset: str, units: str, conditions: tuple[str, ...]) -> str:
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"SELECT {_FIRST} + {number}, f.id / 2, f.at, '{kind}', {account}, {asset}, {units}, ''::varchar {_FROM}{where}"
    )


def entries(bounded: bool = False) -> str:
    """Every leg there is. `bounded`: only of events after %(seq)s, found by the tables' own keys."""
    fills = ("f.id > %(seq)s::bigint * 2 + 1",) if bounded else ()
    postings = " WHERE id > %(seq)s::bigint * 8 + 7" if bounded else ""
    with_fee = (*fills, "f.fee_units <> 0")
    columns = "id, seq, at, kind, account_id, asset_id, units, reference"
    gets_base, gets_quote = (
        f"CASE f.side WHEN 'Bid' THEN {_BASE} ELSE -{_BASE} END",
        "CASE f.side WHEN 'Bid' THEN -1 ELSE 1 END",
    )
    return " UNION ALL ".join(
        (
            f"SELECT {columns} FROM accounts_ledgerposting{postings}",  # noqa: S608 - our own words
            _legs(0, "trade", "f.account_id", "m.base_id", gets_base, fills),
            _legs(1, "trade", "f.account_id", "m.quote_id", f"{gets_quote} * f.quote_units", fills),
            _legs(2, "fee", "f.account_id", "f.fee_asset_id", "-f.fee_units", with_fee),
            _legs(3, "fee", "2::bigint", "f.fee_asset_id", "f.fee_units", with_fee),
        )
    )


VIEW = f"CREATE VIEW trading_ledgerentry AS {entries()}"

PAIRED = """
CREATE FUNCTION trading_fill_pairs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong bigint;
BEGIN
    SELECT f.id / 2 INTO wrong
    FROM (
        SELECT id / 2 AS seq FROM added GROUP BY 1
        HAVING count(*) <> 2 OR min(side) = max(side) OR min(market_id) <> max(market_id)
            OR min(quantity_lots) <> max(quantity_lots) OR min(quote_units) <> max(quote_units)
    ) odd
    JOIN trading_fill f ON f.id IN (odd.seq * 2, odd.seq * 2 + 1)
    GROUP BY 1
    HAVING count(*) <> 2 OR min(f.side) = max(f.side) OR min(f.market_id) <> max(f.market_id)
        OR min(f.quantity_lots) <> max(f.quantity_lots) OR min(f.quote_units) <> max(f.quote_units)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the fills of event % are not two sides of one trade', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

FORWARDS = [
    VIEW,
    PAIRED,
    """CREATE TRIGGER pairs AFTER INSERT ON trading_fill REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION trading_fill_pairs()""",
    """CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON trading_fill
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_ledger_stays()""",
]
BACKWARDS = [
    "DROP TRIGGER stays ON trading_fill",
    "DROP TRIGGER pairs ON trading_fill",
    "DROP FUNCTION trading_fill_pairs()",
    "DROP VIEW trading_ledgerentry",
]
