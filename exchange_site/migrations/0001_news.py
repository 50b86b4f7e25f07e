"""Announcements, incidents and latency samples."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=120)),
                ('text', models.TextField(help_text='Plain text. An empty line begins a new paragraph.', max_length=4000)),
                ('tone', models.CharField(choices=[('news', 'News'), ('warning', 'Warning: something people should act on')], default='news', max_length=8)),
                ('is_banner', models.BooleanField(default=False, help_text='Also a line on top of every page.', verbose_name='banner')),
                ('starts_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ends_at', models.DateTimeField(blank=True, help_text='When the banner goes away. Empty: it stays.', null=True)),
            ],
            options={
                'ordering': ['-starts_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=120)),
                ('severity', models.CharField(choices=[('minor', 'Slow or partly away'), ('major', 'Trading or money was affected'), ('planned', 'Planned work')], default='minor', max_length=8)),
                ('affected', models.CharField(blank=True, help_text='Markets or parts, in words.', max_length=200)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(blank=True, help_text='Empty while it lasts.', null=True)),
            ],
            options={
                'ordering': ['-started_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='LatencySample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('engine_us', models.BigIntegerField(help_text='A command sent, journalled, answered.', null=True)),
                ('database_us', models.BigIntegerField(help_text='One small question to the database.', null=True)),
                ('web_us', models.BigIntegerField(help_text='One small request to our own web server.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='IncidentUpdate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('text', models.TextField(max_length=2000)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='updates', to='exchange_site.incident')),
            ],
            options={
                'ordering': ['-at', '-pk'],
            },
        ),
    ]
