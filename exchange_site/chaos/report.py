"""The table at the end: every fault, how often it struck, how long trading stood still, and whether that was right."""

from exchange_site.chaos.campaign import Injected

COLUMNS = ("fault", "count", "p50", "p99", "max", "budget", "verdict")
GRAVEST = ("missing", "doubled", "foreign", "untrue", "money", "chain")
SHOWN_PER_KIND = 4


def percentile(sorted_values: list[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    rank = max(0, -int(-share * len(sorted_values) // 1) - 1)
    return sorted_values[min(len(sorted_values) - 1, rank)]


def table(injected: list[Injected], budget_factor: float) -> str:
    rows: list[tuple[str, ...]] = [COLUMNS]
    for name in sorted({one.fault.name for one in injected}, key=_order):
        same = [one for one in injected if one.fault.name == name]
        waits = sorted(seconds for one in same for seconds in one.downtimes)
        verdict = "FAILED" if any(one.findings for one in same) else "held"
        budget = f"{same[0].fault.budget_s * budget_factor:g} s"
        rows.append((name, str(len(same)), *_figures(waits), budget, verdict))
    takeovers = sorted(seconds for one in injected if one.fault.number in {"F1", "F2"} for seconds in one.downtimes)
    rows.append(("all takeovers (G14)", str(len(takeovers)), *_figures(takeovers), "5 s", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:6], widths[1:6], strict=True)),
        ]
        lines.append("  ".join([*cells, row[6]]).rstrip())
    return "\n".join(lines)


def findings_by_kind(findings: list[str]) -> list[str]:
    """The word before the colon is the kind: how many there are, and the first few. What was lost comes first."""
    kinds: dict[str, list[str]] = {}
    for finding in findings:
        kinds.setdefault(finding.partition(":")[0], []).append(finding)
    lines = []
    for kind in sorted(kinds, key=lambda name: (name not in GRAVEST, name)):
        same = kinds[kind]
        lines += same[:SHOWN_PER_KIND]
        if len(same) > SHOWN_PER_KIND:
            lines.append(f"{kind}: ... {len(same)} altogether")
    return lines


def _figures(waits: list[float]) -> tuple[str, str, str]:
    if not waits:
        return "-", "-", "-"
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    return f"{p50:.2f} s", f"{p99:.2f} s", f"{waits[-1]:.2f} s"


def _order(name: str) -> tuple[int, str]:
    return int(name.split()[0].removeprefix("F")), name
