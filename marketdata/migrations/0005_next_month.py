"""The next month's partition, made by whoever may call for it.

Only the owner of a table can divide it, and no process that stays is the owner. This function runs with the owner's
rights and takes nothing: it makes the oldest month that is missing, up to a year ahead, and nothing else. Rows that
waited in the partition for everything else move to it. Null: none is missing, or the tables have no partitions.
"""

from django.db import migrations

MAKE = """
CREATE FUNCTION marketdata_make_next_month() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
DECLARE
    divided record;
    oldest timestamptz;
    month timestamptz;
    made text;
BEGIN
    FOR divided IN SELECT * FROM (VALUES
        ('marketdata_trade', 'marketdata_trade', 'at'),
        ('marketdata_kline', 'marketdata_kline_seconds', 'start'),
        ('marketdata_kline', 'marketdata_kline_longer', 'start')
    ) AS known (whole, parent, moment) LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass(divided.parent));
        EXECUTE format('SELECT min(%I) FROM %I', divided.moment, divided.parent || '_default') INTO oldest;
        month := date_trunc('month', least(oldest, now()));
        WHILE month <= date_trunc('month', now()) + interval '12 months' LOOP
            made := divided.parent || '_' || to_char(month, 'YYYYMM');
            IF to_regclass(made) IS NULL THEN
                EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', divided.whole);
                CONTINUE WHEN to_regclass(made) IS NOT NULL; -- Somebody else made it meanwhile.
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                    made, divided.parent);
                EXECUTE format('WITH waiting AS (DELETE FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) '
                    'INSERT INTO %5$I SELECT * FROM waiting',
                    divided.parent || '_default', divided.moment, month, month + interval '1 month', made);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                    divided.parent, made, month, month + interval '1 month');
                RETURN made;
            END IF;
            month := month + interval '1 month';
        END LOOP;
    END LOOP;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION marketdata_make_next_month() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0004_staff_wishes")]
    operations = [migrations.RunSQL(MAKE, "DROP FUNCTION marketdata_make_next_month()")]
