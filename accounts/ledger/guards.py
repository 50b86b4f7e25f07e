"""The database's own rules for the ledger, as the SQL of a migration: rows stay, and events are balanced.

A posting's `id` is event number x 8 + leg. Legs are added whole, an event in one statement, so the balance is checked
once a statement: the legs that a statement adds sum to zero in each event and asset. Only where they do not, the table
is asked whether the rest of the event was there before.
"""

APPEND_ONLY = ("ledgerposting", "balancestep", "walletentry")
BALANCED = """
CREATE FUNCTION accounts_ledgerposting_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong record;
BEGIN
    SELECT odd.event, odd.asset_id, sum(p.units) AS total INTO wrong
    FROM (SELECT id / 8 AS event, asset_id FROM added GROUP BY 1, 2 HAVING sum(units) <> 0) odd
    JOIN accounts_ledgerposting p
        ON p.id >= odd.event * 8 AND p.id < odd.event * 8 + 8 AND p.asset_id = odd.asset_id
    GROUP BY 1, 2 HAVING sum(p.units) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'postings of event % sum to % in asset %, not to 0', wrong.event, wrong.total, wrong.asset_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
BALANCED_TRIGGER = """
CREATE TRIGGER balances AFTER INSERT ON accounts_ledgerposting REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION accounts_ledgerposting_balances()
"""


def forwards() -> list[str]:
    statements = [
        """
        CREATE FUNCTION accounts_ledger_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the ledger is append-only: % of %', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'check_violation'; END $$
        """,
        BALANCED,
        BALANCED_TRIGGER,
    ]
    for table in APPEND_ONLY:
        # For each statement, so that adding rows costs nothing and one that would change no row is refused as well.
        statements.append(
            f"CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION accounts_ledger_stays()"
        )
    return statements


def backwards() -> list[str]:
    return [
        *(f"DROP TRIGGER stays ON accounts_{table}" for table in APPEND_ONLY),
        "DROP TRIGGER balances ON accounts_ledgerposting",
        "DROP FUNCTION accounts_ledgerposting_balances()",
        "DROP FUNCTION accounts_ledger_stays()",
    ]
