"""Proofs of liabilities. What was published stays as it is, whoever tries: a trigger refuses changes and removal."""

import django.db.models.deletion
from django.db import migrations, models

REFUSE = """
CREATE FUNCTION trading_liabilityproof_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'published proofs are kept as they are' USING ERRCODE = 'check_violation'; END $$
"""
TRIGGER = """
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON trading_liabilityproof
FOR EACH ROW EXECUTE FUNCTION trading_liabilityproof_stays()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('trading', '0003_order_terms'),
    ]

    operations = [
        migrations.CreateModel(
            name='LiabilityProof',
            fields=[
                ('n', models.BigIntegerField(help_text='Outcome number that the balances belong to.', primary_key=True, serialize=False)),
                ('at', models.DateTimeField(help_text='Log time of that outcome.')),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('statement', models.TextField(help_text='The published text.')),
                ('commitment', models.CharField(help_text='Its SHA-256.', max_length=64, unique=True)),
            ],
            options={
                'ordering': ['-n'],
            },
        ),
        migrations.CreateModel(
            name='LiabilitySeed',
            fields=[
                ('proof', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='seed', serialize=False, to='trading.liabilityproof')),
                ('seed', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='LiabilityChunk',
            fields=[
                ('pk', models.CompositePrimaryKey('proof_id', 'asset', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('asset', models.CharField(max_length=12)),
                ('number', models.IntegerField()),
                ('first_key', models.BinaryField()),
                ('records', models.BinaryField()),
                ('top_hash', models.BinaryField()),
                ('top_units', models.BigIntegerField()),
                ('proof', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='chunks', to='trading.liabilityproof')),
            ],
        ),
        migrations.RunSQL(
            [REFUSE, TRIGGER],
            ["DROP TRIGGER stays ON trading_liabilityproof", "DROP FUNCTION trading_liabilityproof_stays()"],
        ),
    ]
