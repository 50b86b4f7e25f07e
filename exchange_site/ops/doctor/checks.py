"""What a check is: a function that yields the problems it finds. `run` runs them all, whatever breaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and how it is mended, a sentence each. A warning does not change the exit code."""

    said: str
    mend: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    problems: tuple[Problem, ...]

    @property
    def fine(self) -> bool:
        return not any(not problem.is_warning for problem in self.problems)


Check = Callable[[], Iterator[Problem]]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check under the name that is shown."""

    def register(function: Check) -> Check:
        assert name not in CHECKS, name
        CHECKS[name] = function
        return function

    return register


def warning(said: str, mend: str) -> Problem:
    return Problem(said, mend, is_warning=True)


def run(only: set[str] | None = None) -> list[Result]:
    """Every check, in the order of registration. One that cannot be made is a problem itself."""
    from exchange_site.ops.doctor import data, database_roles, host, processes, servers, site  # noqa: F401 - they register.

    results = []
    for name, function in CHECKS.items():
        if only is None or name in only:
            results.append(Result(name, tuple(_problems(function))))
    return results


def _problems(function: Check) -> Iterator[Problem]:
    try:
        yield from function()
    except Exception as error:  # noqa: BLE001 - whatever breaks a check is what the doctor is for.
        text = " ".join(str(error).split())[:200] or type(error).__name__
        yield Problem(f"This could not be checked: {text}", "Mend what the other checks name first, then run it again.")
