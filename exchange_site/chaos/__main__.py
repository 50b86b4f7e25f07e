"""`./exchange chaos`, in the environment and the folder that the launcher made for it."""

import argparse
import os
import platform
import secrets
import shlex
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import django

from exchange_site.chaos import report
from exchange_site.chaos.campaign import FAULTS, Campaign, schedule
from exchange_site.chaos.installation import Installation
from exchange_site.chaos.sabotage import SABOTAGES
from exchange_site.chaos.stage import Fault
from exchange_site.chaos.verdict import write_evidence
from exchange_site.launcher.home import Home

KEPT = "kept"  # A file of this name tells the launcher to leave the folder alone.


def main(arguments: list[str]) -> int:
    """Exit code 0 when everything held, 1 when not, 2 for a wrong command line, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    chosen = chosen_faults(options.faults, not options.without_database)
    if options.list:
        for fault in chosen:
            print(f"{fault.name}  (trading again within {fault.budget_s:g} s)")
        return 0
    signal.signal(signal.SIGTERM, interrupted)
    django.setup()
    home = Home(options.home)
    if options.keep:
        (home.path / KEPT).touch()
    place = Installation(home, not options.without_database)
    began = time.monotonic()

    def tell(text: str) -> None:
        line = f"[{time.monotonic() - began:7.1f} s] {text}"
        print(line, flush=True)
        with (home.logs / "chaos.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    campaign = Campaign(place, options.seed, tell, options.budget_factor)
    tell(f"seed {options.seed}, folder {home.path}")
    tell(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    try:
        count = options.kills or (None if options.minutes else len(chosen))
        until = began + options.minutes * 60 if options.minutes else float("inf")
        sabotage = SABOTAGES.get(options.sabotage or "")
        if sabotage is not None and sabotage.engine is not None:
            place.replace_engines(sabotage.engine)
        campaign.run(schedule(options.seed, chosen, count), until, sabotage.act if sabotage else None)
    except KeyboardInterrupt:
        tell("interrupted; stopping every process")
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        place.stop()
    tell(f"everything is stopped; the machine's load was {os.getloadavg()[1]:.1f} of late")
    return summary(campaign, options, home)


def summary(campaign: Campaign, options: argparse.Namespace, home: Home) -> int:
    print(f"\n{report.table(campaign.injected, options.budget_factor)}\n")
    for fact in campaign.facts:
        print(f"  {fact}")
    kept = f"Logs, journal, Redis files and ledger are kept in {home.path}."
    if options.keep or campaign.findings:
        write_evidence(home.path, campaign.ledger, campaign.findings)
    if not campaign.findings:
        print("\nNothing lost, nothing doubled, nothing unexplained." + (f" {kept}" if options.keep else ""))
        return 0
    (home.path / KEPT).touch()
    print(f"\n{len(campaign.findings)} findings:")
    for line in report.findings_by_kind(campaign.findings):
        print(f"  {line}")
    print(f"  All of them are in {home.path / 'findings.txt'}")
    print(f"\nThe same again: {command_line(options, len(campaign.injected))}\n{kept}")
    return 1


def command_line(options: argparse.Namespace, count: int) -> str:
    words = ["./exchange", "chaos", "--seed", str(options.seed), "--kills", str(max(1, count))]
    if options.faults:
        words += ["--faults", options.faults]
    if options.without_database:
        words.append("--without-database")
    if options.budget_factor != 1.0:
        words += ["--budget-factor", f"{options.budget_factor:g}"]
    if options.sabotage:
        words += ["--sabotage", options.sabotage]
    return shlex.join(words)


def chosen_faults(words: str, with_database: bool) -> list[Fault]:
    """By number, or by number and the beginning of the variant (`F1:dies`). Exits with 2 for an unknown one."""
    possible = [fault for fault in FAULTS if with_database or not fault.needs_database]
    if not words:
        return possible
    chosen: list[Fault] = []
    for word in filter(None, (part.strip() for part in words.split(","))):
        number, _, variant = word.partition(":")
        found = [one for one in possible if one.number == number.upper() and one.variant.startswith(variant)]
        if not found:
            known = ", ".join(dict.fromkeys(fault.number for fault in possible))
            print(f"exchange: There is no fault {word!r}. There are: {known}.", file=sys.stderr)
            sys.exit(2)
        chosen += [one for one in found if one not in chosen]
    return chosen


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="./exchange chaos",
        allow_abbrev=False,
        description="Break a running exchange of its own on purpose, under load, and prove that nothing was lost. "
        "Without --minutes or --kills every fault strikes once.",
    )
    top.add_argument("--minutes", type=positive_number, help="go on for so long")
    top.add_argument("--kills", type=positive_count, help="inject so many faults")
    top.add_argument("--faults", default="", metavar="F1,F2", help="only these; F1:dies means variants of F1")
    top.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    top.add_argument("--keep", action="store_true", help="leave the folder with everything in it")
    top.add_argument("--list", action="store_true", help="show the faults and their budgets")
    top.add_argument(
        "--without-database", action="store_true", help="leave out PostgreSQL and its writer: starts faster"
    )
    top.add_argument("--budget-factor", type=positive_number, default=1.0, help="on a slow machine, allow more time")
    top.add_argument("--sabotage", choices=sorted(SABOTAGES), help="take a promise away; the campaign must then fail")
    top.add_argument("--home", type=Path, required=True, help=argparse.SUPPRESS)
    return top


def positive_number(text: str) -> float:
    value = float(text)
    if not 0 < value < 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100,000")
    return value


def positive_count(text: str) -> int:
    value = int(text)
    if not 0 < value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 100,000")
    return value


def interrupted(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
