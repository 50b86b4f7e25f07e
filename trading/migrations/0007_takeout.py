"""Archives of accounts, and their bytes until they run out."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_ledger'),
        ('trading', '0006_ledger_view'),
    ]

    operations = [
        migrations.CreateModel(
            name='Takeout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Being made'), ('ready', 'Ready'), ('failed', 'Failed'), ('expired', 'Run out')], default='waiting', max_length=8)),
                ('requested_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('n', models.BigIntegerField(blank=True, help_text='Outcome number of everything in it.', null=True)),
                ('size_bytes', models.BigIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('downloads', models.PositiveIntegerField(default=0)),
                ('error', models.CharField(blank=True, max_length=256)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='takeouts', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='TakeoutPart',
            fields=[
                ('pk', models.CompositePrimaryKey('takeout_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('data', models.BinaryField()),
                ('takeout', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='trading.takeout')),
            ],
        ),
        migrations.AddIndex(
            model_name='takeout',
            index=models.Index(fields=['state'], name='takeout_by_state'),
        ),
        migrations.AddConstraint(
            model_name='takeout',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running'])), fields=('account',), name='one_takeout_at_a_time'),
        ),
    ]
