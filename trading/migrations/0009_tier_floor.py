"""What staff gave by hand before volume lifted a fee tier. Decisions of before were made from no such tier."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0008_fee_tiers")]

    operations = [
        migrations.AddField(
            model_name="tierdecision",
            name="floor",
            field=models.PositiveIntegerField(
                default=0, help_text="What staff gave by hand before; volume never goes below."
            ),
        ),
    ]
