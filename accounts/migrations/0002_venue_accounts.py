"""The venue's own accounts, with the ids that the engine knows them by; people's accounts start at 1001."""

from django.db import migrations

VENUE_ACCOUNTS = ((1, "house"), (2, "fees"), (3, "outside"))
LAST_RESERVED_ID = 1000


def create(apps, schema_editor):
    account = apps.get_model("accounts", "Account")
    for account_id, kind in VENUE_ACCOUNTS:
        account.objects.get_or_create(id=account_id, defaults={"kind": kind})
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('accounts_account', 'id'), "
            "greatest(%s, (SELECT max(id) FROM accounts_account)))",
            [LAST_RESERVED_ID],
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    # Not undone: postings and balances point at these rows, and an empty table needs no undoing.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
