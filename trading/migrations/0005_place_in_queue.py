from django.db import migrations, models


class Migration(migrations.Migration):
    """Orders of before keep an empty place: what stood ahead of them then is not known any more."""

    dependencies = [
        ("trading", "0004_liabilities"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="ahead_lots",
            field=models.BigIntegerField(
                help_text="What the book showed ahead of it at its price when it came to rest; empty: not known.",
                null=True,
            ),
        ),
    ]
