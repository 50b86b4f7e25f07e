"""The ledger: steps of balances, entries of the wallet, results of reconciliations; rows stay and events balance."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.ledger import guards

OPENING_STEPS = """
INSERT INTO accounts_balancestep (account_id, asset_id, seq, at, available_units, locked_units)
SELECT account_id, asset_id, 0, now(), available_units, locked_units FROM accounts_balance
"""

# From here on a trade's legs are read off its fills (docs/decisions/0014), so those stored so far are not needed.
LEGS_OF_TRADES = "DELETE FROM accounts_ledgerposting WHERE kind = 'trade' OR (kind = 'fee' AND reference = '')"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_site'),
        ('marketdata', '0004_staff_wishes'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(max_length=8)),
                ('units', models.BigIntegerField()),
                ('reference', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'verbose_name_plural': 'ledger entries',
                'db_table': 'trading_ledgerentry',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Reconciliation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('scope', models.CharField(choices=[('new', 'What is new'), ('full', 'Everything')], help_text='Of trades against postings.', max_length=4)),
                ('n', models.BigIntegerField(blank=True, help_text="The engine's outcome that the database was at.", null=True)),
                ('seq', models.BigIntegerField(default=0, help_text='Trades are proven up to this event.')),
                ('equal', models.BooleanField(blank=True, help_text='Empty: it could not be finished.', null=True)),
                ('differences', models.JSONField(default=list)),
                ('difference_count', models.PositiveIntegerField(default=0)),
                ('holdings', models.JSONField(default=list, help_text='Of each asset: held, owed and on its way, in units.')),
                ('counts', models.JSONField(default=dict)),
                ('error', models.CharField(blank=True, max_length=256)),
                ('stopped_trading', models.BooleanField(default=False)),
            ],
            options={
                'get_latest_by': 'pk',
            },
        ),
        migrations.CreateModel(
            name='BalanceStep',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'asset_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField(help_text="Number of the engine's event.")),
                ('at', models.DateTimeField()),
                ('available_units', models.BigIntegerField()),
                ('locked_units', models.BigIntegerField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('asset', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='marketdata.asset')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('available_units__gte', 0), ('locked_units__gte', 0)), name='balance_step_is_never_negative')],
            },
        ),
        migrations.CreateModel(
            name='WalletEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='Names the event: the same one is written once.', max_length=96, unique=True)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('kind', models.CharField(choices=[('seen', 'Deposit seen in a block'), ('gone', 'Deposit gone from its block'), ('held', 'Deposit held'), ('credited', 'Deposit credited'), ('undone', 'Undone deposit booked'), ('reserved', 'Withdrawal reserved'), ('ended', 'Reservation over'), ('sent', 'Withdrawal sent'), ('settled', 'Withdrawal settled'), ('network_fee', 'Network fee'), ('treasury', "The venue's own coins")], max_length=12)),
                ('payer', models.CharField(choices=[('hot', 'Hot wallet'), ('cold', 'Cold wallet'), ('deposits', 'Deposits in transit'), ('dust', 'Dust'), ('payments', 'Withdrawals sent'), ('books', "The engine's books"), ('locked', 'User, locked'), ('pending', 'Withdrawals pending')], max_length=8)),
                ('payee', models.CharField(choices=[('hot', 'Hot wallet'), ('cold', 'Cold wallet'), ('deposits', 'Deposits in transit'), ('dust', 'Dust'), ('payments', 'Withdrawals sent'), ('books', "The engine's books"), ('locked', 'User, locked'), ('pending', 'Withdrawals pending')], max_length=8)),
                ('blockchain', models.CharField(blank=True, max_length=32)),
                ('units', models.BigIntegerField()),
                ('outcome_n', models.BigIntegerField(blank=True, help_text='Of the engine, where it answered.', null=True)),
                ('reference', models.CharField(blank=True, help_text='What it is on the chain.', max_length=160)),
                ('reason', models.CharField(blank=True, max_length=256)),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('asset', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='marketdata.asset')),
                ('deposit', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.deposit')),
                ('withdrawal', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.withdrawal')),
            ],
            options={
                'verbose_name_plural': 'wallet entries',
                'constraints': [models.CheckConstraint(condition=models.Q(('units__gt', 0), models.Q(('payer', models.F('payee')), _negated=True)), name='wallet_entry_moves_something')],
            },
        ),
        migrations.RunSQL(OPENING_STEPS, migrations.RunSQL.noop),
        migrations.RunSQL(LEGS_OF_TRADES, migrations.RunSQL.noop),
        migrations.RunSQL(guards.forwards(), guards.backwards()),
    ]
