"""`manage.py roles sync|list|give|take`: the roles of staff."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.audit.models import AuditEntry
from accounts.models import User
from exchange_site.ops import roles


class Command(BaseCommand):
    help = (
        "sync: make the groups of staff what the table of roles says (after every migration). list: who has which. "
        "give, take: a role to or from a member of staff."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("sync")
        verbs.add_parser("list")
        for verb in ("give", "take"):
            own = verbs.add_parser(verb)
            own.add_argument("email")
            own.add_argument("role", choices=sorted(roles.ROLES))
            own.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "sync":
            try:
                changes = roles.sync()
            except roles.UnknownRight as error:
                raise CommandError(str(error)) from error
            self.stdout.write("; ".join(changes) or "The roles are as they should be.")
        elif options["verb"] == "list":
            for role in roles.ROLES:
                people = User.objects.filter(groups__name=role).order_by("email").values_list("email", flat=True)
                self.stdout.write(f"{role:<18}  {', '.join(people) or '-'}")
            superusers = User.objects.filter(is_superuser=True, is_active=True).values_list("email", flat=True)
            self.stdout.write(f"{'superusers':<18}  {', '.join(superusers) or '-'}")
        else:
            self._assign(options["verb"], options["email"].strip().lower(), options["role"], options["reason"])

    def _assign(self, verb: str, email: str, role: str, reason: str) -> None:
        user = User.objects.filter(email=email, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {email}.")
        roles.sync()
        group = Group.objects.get(name=role)
        with transaction.atomic():
            if verb == "give":
                user.groups.add(group)
                user.is_staff = True
            else:
                user.groups.remove(group)
                user.is_staff = user.is_superuser or user.groups.exists()
            user.save(update_fields=["is_staff"])
            AuditEntry.objects.create(
                action=f"role.{verb}", subject=f"{email}: {role}", reason=reason, actor_name="manage.py"
            )
        self.stdout.write(f"{email} {'has' if verb == 'give' else 'no longer has'} the role {role}.")
