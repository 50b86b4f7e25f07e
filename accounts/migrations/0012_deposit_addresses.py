from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_ledger")]

    operations = [
        migrations.AlterModelOptions(name="depositaddress", options={"verbose_name_plural": "deposit addresses"}),
    ]
