"""`manage.py audit verify|head|note`: is the audit log whole?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.audit import heads, verified
from accounts.audit.verify import Head, first_wrong, head


class Command(BaseCommand):
    help = (
        "verify: follow the chain of the audit log from where the last reading ended (--all: from its first row) and "
        "compare it with the noted heads; exit 1 and the first wrong row where it is broken. head: print number and "
        "hash of the last row. note: write the head down outside of the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify", "head", "note"])
        parser.add_argument("--all", action="store_true", help="verify: read every row, also those read before.")
        parser.add_argument(
            "--head",
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="A head that you kept elsewhere: verify that it is still in the log. May be given more than once.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "head":
            self.stdout.write(str(head()))
        elif options["what"] == "note":
            self.stdout.write(f"{heads.note_head()} is noted in {heads.path()}")
        else:
            self._verify([self._parsed(text) for text in options["head"]], options["all"])

    def _verify(self, given: list[Head], everything: bool) -> None:
        try:
            known = [*heads.noted(), *given]
        except ValueError:
            self.stderr.write(f"The noted heads in {heads.path()} cannot be read: the file is damaged.")
            sys.exit(1)
        try:
            after = None if everything else verified.last()
        except verified.NotOurs as error:
            self.stderr.write(f"How far the log was read cannot be believed: {error}. Read everything: --all.")
            sys.exit(1)
        now = head()  # Before the reading: what is added meanwhile belongs to the next one.
        wrong = first_wrong(known, after)
        if wrong is not None:
            self.stderr.write(f"The audit log is not whole: {wrong}.")
            sys.exit(1)
        verified.remember(now, everything)
        read = "every row was read" if after is None else f"read from row {after.number} on; --all reads every row"
        self.stdout.write(f"The audit log is whole: {now.number} rows, {len(known)} noted heads; {read}. Head {now}")

    def _parsed(self, text: str) -> Head:
        number, _, digest = text.partition(":")
        if not number.isdigit() or len(digest) != 64:
            self.stderr.write(f"{text!r} is not NUMBER:HASH.")
            sys.exit(2)
        return Head(int(number), digest)
