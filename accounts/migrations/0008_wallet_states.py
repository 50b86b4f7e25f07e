"""States of the wallet move one way, whoever writes them: a trigger knows the same steps as accounts.wallet.states."""

from django.db import migrations

STEPS = {
    "withdrawal": [
        ("created", "reserved"), ("created", "refused"), ("reserved", "approved"), ("reserved", "releasing"),
        ("approved", "signed"), ("approved", "settling"), ("approved", "releasing"), ("signed", "sent"),
        ("sent", "settling"), ("settling", "settled"), ("releasing", "released"),
    ],
    "deposit": [
        ("pending", "crediting"), ("crediting", "credited"), ("credited", "reversing"), ("reversing", "reversed"),
        ("reversing", "lost"), ("reversed", "pending"),
    ],
    "outboxcommand": [
        ("waiting", "sent"), ("sent", "waiting"), ("waiting", "dropped"), ("sent", "done"), ("sent", "refused"),
    ],
}


def forwards():
    for table, steps in STEPS.items():
        allowed = ", ".join(f"('{before}', '{after}')" for before, after in steps)
        yield f"""
            CREATE FUNCTION accounts_{table}_moves_one_way() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF (OLD.state, NEW.state) NOT IN ({allowed}) THEN
                    RAISE EXCEPTION '{table} % cannot go from % to %', OLD.id, OLD.state, NEW.state
                        USING ERRCODE = 'check_violation';
                END IF;
                RETURN NEW;
            END $$
        """
        yield f"""
            CREATE TRIGGER moves_one_way BEFORE UPDATE OF state ON accounts_{table}
            FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
            EXECUTE FUNCTION accounts_{table}_moves_one_way()
        """
    for table in ("withdrawalapproval", "signedpayment"):
        yield f"""
            CREATE FUNCTION accounts_{table}_stays() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'rows of {table} are kept' USING ERRCODE = 'check_violation'; END $$
        """
        yield f"""
            CREATE TRIGGER stays BEFORE DELETE ON accounts_{table}
            FOR EACH ROW EXECUTE FUNCTION accounts_{table}_stays()
        """


def backwards():
    for table in STEPS:
        yield f"DROP TRIGGER moves_one_way ON accounts_{table}"
        yield f"DROP FUNCTION accounts_{table}_moves_one_way()"
    for table in ("withdrawalapproval", "signedpayment"):
        yield f"DROP TRIGGER stays ON accounts_{table}"
        yield f"DROP FUNCTION accounts_{table}_stays()"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_wallet")]
    operations = [migrations.RunSQL(list(forwards()), list(backwards()))]
