"""axe-core on a page of the browser tests. It finds what a machine can find of WCAG 2.2 A and AA, and best practice."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from exchange_site.launcher.home import ROOT

SCRIPT = ROOT / "node_modules/axe-core/axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# `scope` limits the search to a selector; axe never changes the page.
RUN = """async ({ rules, scope }) => {
  const found = await axe.run(scope ?? document, { runOnly: rules, resultTypes: ["violations"] });
  const told = (node) => [node.target.join(" "), node.failureSummary];
  return found.violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 5).map(told) }));
}"""


@cache
def _source() -> str:
    assert SCRIPT.is_file(), "axe-core is missing: npm ci --ignore-scripts installs it."
    return SCRIPT.read_text(encoding="utf-8")


def violations(page: Page, scope: str | None = None) -> list[dict[str, Any]]:
    """What axe finds on the page as it is now. Works under our strict policy: nothing is added to the document."""
    page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(RUN, {"rules": list(RULES), "scope": scope})
    return found


def assert_accessible(page: Page, what: str, scope: str | None = None) -> None:
    """Fails with the rule, the element and what to do about it."""
    lines = []
    for each in violations(page, scope):
        lines.append(f"{each['id']}: {each['help']}")
        lines += [f"    {target}\n        {summary}" for target, summary in each["nodes"]]
    assert not lines, f"{what} has failures of accessibility:\n" + "\n".join(lines)
