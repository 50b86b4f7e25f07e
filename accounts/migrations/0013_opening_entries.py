"""The wallet's entries for what it did before 0011 (docs/ledger.md, "From before the ledger")."""

from django.conf import settings
from django.db import migrations

from accounts.ledger import opening


def enter(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for statement, parameters in opening.statements(settings.WALLET_CHAINS):
            cursor.execute(statement, parameters)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_deposit_addresses'),
        ('marketdata', '0004_staff_wishes'),
    ]

    operations = [migrations.RunPython(enter, migrations.RunPython.noop)]
