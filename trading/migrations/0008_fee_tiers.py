"""Fee tiers by volume: their schedule, what was traded each day, and what was decided."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_ledger'),
        ('trading', '0007_takeout'),
    ]

    operations = [
        migrations.CreateModel(
            name='TierRun',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('counted_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('accounts', models.PositiveIntegerField(default=0, help_text='That traded within the thirty days.')),
                ('changed', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['-day'],
            },
        ),
        migrations.AddField(
            model_name='accountrules',
            name='tier_actor',
            field=models.CharField(blank=True, help_text='Who gave it last, as the engine said.', max_length=128),
        ),
        migrations.CreateModel(
            name='DayVolume',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'day', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(db_index=True)),
                ('cents', models.BigIntegerField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='TierDecision',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'day', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('cents', models.BigIntegerField(help_text='Of the thirty days that ended with it.')),
                ('tier_before', models.PositiveIntegerField()),
                ('tier', models.PositiveIntegerField()),
                ('outcome_n', models.BigIntegerField(blank=True, help_text='Of the engine. Empty: not answered yet.', null=True)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='VolumeTier',
            fields=[
                ('tier', models.PositiveIntegerField(help_text='1 to 99.', primary_key=True, serialize=False, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(99)])),
                ('from_cents', models.BigIntegerField(help_text='Traded in thirty days, in cents of the asset that everything is valued in.', unique=True, validators=[django.core.validators.MinValueValidator(1)])),
            ],
            options={
                'ordering': ['tier'],
                'constraints': [models.CheckConstraint(condition=models.Q(('from_cents__gte', 1), ('tier__gte', 1)), name='tier_needs_volume')],
            },
        ),
    ]
