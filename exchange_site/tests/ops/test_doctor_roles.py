"""The doctor names a role of the database with too many or too few rights, and a process with the wrong role."""

import psycopg
import pytest
from django.db import connection

from accounts.database_rights import APP_ROLE, ROLES
from accounts.tests.test_app_role import addresses  # noqa: F401 - a fixture.
from exchange_site.ops.doctor import checks
from trading.writer.store import connection_arguments


def problems() -> list[checks.Problem]:
    [result] = checks.run({"database roles"})
    return list(result.problems)


@pytest.mark.django_db
def test_an_installation_without_roles_is_told(settings):
    [problem] = problems()
    assert "no roles" in problem.said
    assert problem.is_warning
    settings.DEMO_MODE = False
    assert not problems()[0].is_warning


def test_processes_with_their_roles_have_nothing_to_mend(addresses):  # noqa: F811
    with psycopg.connect(addresses["exchange_web"], application_name="web"):
        assert problems() == []


def test_a_web_process_with_the_owners_role_is_named(addresses):  # noqa: F811
    owner = connection.settings_dict["USER"]
    with psycopg.connect(**connection_arguments(), application_name="web"):
        [problem] = problems()
    assert problem.said == f"web is connected to the database as {owner}, not as exchange_web."


def test_too_many_rights_are_named_with_the_table(addresses):  # noqa: F811
    with connection.cursor() as cursor:
        cursor.execute("GRANT DELETE ON accounts_ledgerposting TO exchange_app")
    assert [problem.said for problem in problems()] == ["exchange_app may DELETE accounts_ledgerposting."]


def test_many_wrong_rights_are_counted(addresses):  # noqa: F811
    with connection.cursor() as cursor:
        cursor.execute("GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO exchange_writer")
    found = problems()
    assert len(found) == 11
    assert "more rights" in found[-1].said


def test_one_role_for_everything_is_checked_as_such(addresses, settings):  # noqa: F811
    from django.core.management import call_command

    with connection.cursor() as cursor:
        for role in ROLES.keys() - {APP_ROLE}:
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")
    settings.WEB_DATABASE_URL = settings.WRITER_DATABASE_URL = ""
    call_command("app_role")
    assert problems() == []
    with connection.cursor() as cursor:  # What the fixture takes away again.
        for role in ROLES.keys() - {APP_ROLE}:
            cursor.execute(f"CREATE ROLE {role}")
