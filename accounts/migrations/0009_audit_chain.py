"""The audit trail becomes a hash chain that the database itself keeps append-only; tries of the faucet leave it."""

import django.db.models.deletion
from django.db import migrations, models

FORWARDS = [
    # Changing and removing rows is refused whoever asks; so is a row that does not follow the last one.
    """
    CREATE FUNCTION accounts_auditentry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'check_violation'; END $$
    """,
    """
    CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_auditentry_stays()
    """,
    """
    CREATE TRIGGER stays_whole BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_auditentry_stays()
    """,
    """
    CREATE FUNCTION accounts_auditentry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE last record;
    BEGIN
        SELECT number, hash INTO last FROM accounts_auditentry ORDER BY number DESC LIMIT 1;
        IF NEW.number <> COALESCE(last.number, 0) + 1 OR NEW.previous_hash <> COALESCE(last.hash, repeat('0', 64)) THEN
            RAISE EXCEPTION 'audit row % does not follow row %', NEW.number, COALESCE(last.number, 0)
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER follows BEFORE INSERT ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_auditentry_follows()
    """,
]
BACKWARDS = [
    "DROP TRIGGER stays ON accounts_auditentry",
    "DROP TRIGGER stays_whole ON accounts_auditentry",
    "DROP TRIGGER follows ON accounts_auditentry",
    "DROP FUNCTION accounts_auditentry_stays()",
    "DROP FUNCTION accounts_auditentry_follows()",
]


def move_faucet_tries(apps, schema_editor):
    """Under their old numbers: the references of their payments are made of them."""
    entries, tries = apps.get_model("accounts", "AuditEntry"), apps.get_model("accounts", "FaucetTry")
    accounts = set(apps.get_model("accounts", "Account").objects.values_list("pk", flat=True))
    for entry in entries.objects.filter(action="account.faucet").order_by("pk").iterator():
        if entry.subject.isdigit() and int(entry.subject) in accounts:
            moved = tries.objects.create(pk=entry.pk, account_id=int(entry.subject))
            tries.objects.filter(pk=moved.pk).update(at=entry.at)
    highest = entries.objects.aggregate(top=models.Max("pk"))["top"]
    entries.objects.filter(action="account.faucet").delete()
    if highest:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT setval(pg_get_serial_sequence('accounts_faucettry', 'id'), %s)", [highest])


def chain_rows(apps, schema_editor):
    from accounts.audit import chain

    entries = apps.get_model("accounts", "AuditEntry")
    users = apps.get_model("accounts", "User")
    names = dict(users.objects.filter(pk__in=entries.objects.values("actor")).values_list("pk", "email"))
    previous = chain.GENESIS
    for number, old in enumerate(list(entries.objects.order_by("number").values_list("number", flat=True)), start=1):
        row = entries.objects.get(number=old)
        row.number, row.actor_name, row.previous_hash = number, names.get(row.actor_id, ""), previous
        row.hash = previous = chain.row_hash(row)
        entries.objects.filter(number=old).update(
            number=number, actor_name=row.actor_name, previous_hash=row.previous_hash, hash=row.hash
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_wallet_states")]

    operations = [
        migrations.CreateModel(
            name="FaucetTry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "-at"], name="faucet_try_by_account")],
            },
        ),
        migrations.RunPython(move_faucet_tries, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name="auditentry",
            options={
                "permissions": [("export_auditentry", "Can export the audit log")],
                "verbose_name": "audit row",
                "verbose_name_plural": "audit log",
            },
        ),
        migrations.RenameField(model_name="auditentry", old_name="id", new_name="number"),
        migrations.AlterField(
            model_name="auditentry",
            name="number",
            field=models.BigIntegerField(editable=False, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name="auditentry", name="at", field=models.DateTimeField(db_index=True, editable=False)
        ),
        migrations.AddField(
            model_name="auditentry",
            name="actor_name",
            field=models.CharField(
                blank=True, default="", help_text="As it was then. Empty: the exchange itself.", max_length=128
            ),
            preserve_default=False,
        ),
        migrations.AddField(model_name="auditentry", name="details", field=models.JSONField(blank=True, default=dict)),
        migrations.AddField(
            model_name="auditentry",
            name="request_id",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="auditentry",
            name="previous_hash",
            field=models.CharField(default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="auditentry",
            name="hash",
            field=models.CharField(default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(chain_rows, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="auditentry",
            name="hash",
            field=models.CharField(editable=False, max_length=64, unique=True),
        ),
        migrations.AddIndex(
            model_name="auditentry", index=models.Index(fields=["actor", "-number"], name="audit_by_actor")
        ),
        migrations.AddIndex(
            model_name="auditentry", index=models.Index(fields=["action", "-number"], name="audit_by_action")
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
