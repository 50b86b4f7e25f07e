"""The ledger as one view over postings and fills; fills stay as they are written and are two sides of one trade."""

from django.db import migrations

from trading.ledger import view


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_ledger"), ("trading", "0005_place_in_queue")]

    operations = [migrations.RunSQL(view.FORWARDS, view.BACKWARDS)]
