"""Favourites, preferences, sign-ins and what accounts were worth when a day ended."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_audit_chain'),
        ('marketdata', '0004_staff_wishes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='preference', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('theme', models.CharField(blank=True, max_length=8)),
                ('pair', models.CharField(blank=True, max_length=12)),
                ('density', models.CharField(blank=True, max_length=12)),
                ('language', models.CharField(blank=True, max_length=8)),
                ('numbers', models.CharField(blank=True, max_length=8)),
                ('sounds', models.BooleanField(default=False)),
                ('confirm_orders', models.BooleanField(default=False)),
                ('seen_announcement', models.BigIntegerField(default=0, help_text='The newest banner that was closed.')),
            ],
        ),
        migrations.CreateModel(
            name='DayValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('value_cents', models.BigIntegerField()),
                ('flow_cents', models.BigIntegerField()),
                ('units', models.JSONField(help_text='Asset id to units held at the end of the day, both as text.')),
                ('last_posting_id', models.BigIntegerField(help_text='Every posting up to this one is counted.')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='day_values', to='accounts.account')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('account', 'day'), name='day_value_once')],
            },
        ),
        migrations.CreateModel(
            name='Favourite',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('market', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='marketdata.market')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='favourites', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'market'), name='favourite_once')],
            },
        ),
        migrations.CreateModel(
            name='SignIn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('ip_address', models.GenericIPAddressField(blank=True, null=True)),
                ('device', models.CharField(max_length=64)),
                ('method', models.CharField(blank=True, max_length=64)),
                ('is_new_device', models.BooleanField(default=False)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', '-at'], name='sign_in_by_user')],
            },
        ),
    ]
