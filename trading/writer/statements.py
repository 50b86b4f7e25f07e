"""SQL for rare news: what staff and auctions do. A statement that runs twice for one event changes nothing more."""

INSERT_FEES = """
INSERT INTO marketdata_feeschedule
    (seq, market_id, version, tier, maker_fee_ppm, taker_fee_ppm, at, actor, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (seq) DO NOTHING
"""

INSERT_AUCTION = """
INSERT INTO marketdata_auction (seq, market_id, reason, started_at, ends_at, lots, surplus_lots)
VALUES (%s, %s, %s, %s, %s, 0, 0) ON CONFLICT (seq) DO NOTHING
"""
_OF_EVENT = "seq = (SELECT max(seq) FROM marketdata_auction WHERE market_id = %s AND seq < %s)"
INDICATE_AUCTION = f"UPDATE marketdata_auction SET price_ticks = %s, lots = %s, surplus_lots = %s WHERE {_OF_EVENT}"  # noqa: S608
END_AUCTION = f"UPDATE marketdata_auction SET ended_at = %s, price_ticks = %s, lots = %s WHERE {_OF_EVENT}"  # noqa: S608

UPSERT_TIER = """
INSERT INTO trading_accountrules (account_id, tier, tier_actor) VALUES (%s, %s, %s)
ON CONFLICT (account_id) DO UPDATE SET tier = EXCLUDED.tier, tier_actor = EXCLUDED.tier_actor
"""
UPSERT_CANCEL_AFTER = """
INSERT INTO trading_accountrules (account_id, tier, tier_actor, cancel_after)
SELECT account_id, 0, '', cancel_after FROM unnest(%s::bigint[], %s::timestamptz[]) AS news (account_id, cancel_after)
ON CONFLICT (account_id) DO UPDATE SET cancel_after = EXCLUDED.cancel_after
"""
UPSERT_BLOCK = """
INSERT INTO trading_accountblock (account_id, market, since, actor, reason) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (account_id, market) DO UPDATE SET
    since = EXCLUDED.since, actor = EXCLUDED.actor, reason = EXCLUDED.reason
"""
DELETE_BLOCK = "DELETE FROM trading_accountblock WHERE account_id = %s AND market = %s"
UPSERT_SWITCH = """
INSERT INTO trading_venueswitch (name, value, since, actor, reason) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET
    value = EXCLUDED.value, since = EXCLUDED.since, actor = EXCLUDED.actor, reason = EXCLUDED.reason
"""

UPSERT_VISIBLE = """
INSERT INTO marketdata_iceberglevel (market_id, side, price_ticks, lots)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
ON CONFLICT (market_id, side, price_ticks) DO UPDATE SET lots = EXCLUDED.lots
"""
SELECT_ICEBERGS = """
SELECT DISTINCT market_id, side, price_ticks FROM trading_order
WHERE status IN ('New', 'PartiallyFilled', 'TriggerPending') AND display_lots IS NOT NULL AND price_ticks IS NOT NULL
"""
SELECT_FEE_VERSIONS = """
SELECT market_id, max(version) FROM marketdata_feeschedule
WHERE seq <= COALESCE((SELECT seq FROM trading_checkpoint WHERE name = %s), 0) GROUP BY market_id
"""
