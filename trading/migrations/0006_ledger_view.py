"""The ledger as one view over postings and fills; fills stay as they are written and are two sides of one trade."""

from django.db import migrations, models

from trading.ledger import view

KINDS = [
    ("funding", "Funding"),
    ("credit", "Credit"),
    ("trade", "Trade"),
    ("fee", "Fee"),
    ("deposit", "Deposit"),
    ("withdraw", "Withdrawal"),
    ("debit", "Debit"),
    ("defund", "Defunding"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_ledger"), ("trading", "0005_place_in_queue")]

    operations = [
        migrations.RunSQL(view.FORWARDS, view.BACKWARDS),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(choices=KINDS, max_length=8)),
                ("units", models.BigIntegerField()),
                ("reference", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "db_table": "trading_ledgerentry",
                "managed": False,
            },
        ),
    ]
