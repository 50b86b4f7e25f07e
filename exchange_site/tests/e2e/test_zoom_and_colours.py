"""Pages as readers have them who need them otherwise: at 200 %, with larger letters, with colours of their system,
without motion, in high contrast, on paper. One filled account; pictures go to `build/screenshots`."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from exchange_site.tests.e2e.axe import assert_accessible
from exchange_site.tests.e2e.running import wait_until
from exchange_site.tests.e2e.test_site import SCREENSHOTS, name_of, too_wide, visit
from exchange_site.tests.e2e.trading_page import DESKTOP, MARKET, SLOW_MS

TRADE = f"/trade/{MARKET}"
PAGES = (
    TRADE, f"{TRADE}?view=trade", f"{TRADE}?view=orders", f"{TRADE}?view=info", "/markets", "/wallet",
    "/wallet/withdraw?asset=SOL", "/history", "ORDER", "/portfolio", "/account/keys", "/account/security", "/status",
)  # fmt: skip
PAPER = ("ORDER", "/history", "/statements", "/portfolio", "/wallet")
HALF = {"width": 640, "height": 360}  # A window of 1280 x 720 at 200 %.
LEAST_LEVELS = 20  # Of each side, in the largest window.
LARGE_TEXT_PX = 32  # The browser's own setting; 16 is usual.
OpenAs = Callable[..., Page]
# How much of the window's height is taken by what does not scroll with the page, in percent.
STUCK = """() => {
  let taken = 0;
  scrollTo(0, 0);
  for (const node of document.querySelectorAll("body *")) {
    const { position, display } = getComputedStyle(node), box = node.getBoundingClientRect();
    if (!["fixed", "sticky"].includes(position) || display === "none") continue;
    if (node.closest("table, .hidden, .toasts")) continue;
    if (box.width > innerWidth / 2) taken += Math.max(0, Math.min(box.bottom, innerHeight) - Math.max(box.top, 0));
  }
  return Math.round(100 * taken / innerHeight);
}"""
MOVING = """() => {
  const lasts = (times) => times.split(",").some((time) => parseFloat(time) > 0), found = [];
  for (const node of document.querySelectorAll("body *")) {
    for (const pseudo of [null, "::before", "::after"]) {
      const { transitionDuration, animationName, animationDuration } = getComputedStyle(node, pseudo);
      const moves = lasts(transitionDuration) || (animationName !== "none" && lasts(animationDuration));
      if (moves) found.push(`${node.tagName}.${node.className}${pseudo ?? ""}`);
    }
  }
  return found;
}"""
STYLE = "(node, [name, pseudo]) => getComputedStyle(node, pseudo ?? null)[name]"
CHART_GROUND = """() => {
  const canvas = document.querySelector("#chart canvas"), pen = canvas.getContext("2d");
  const [red, green, blue] = pen.getImageData(4, Math.round(canvas.height * 0.6), 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}"""


def open_one(page: Page, path: str) -> None:
    """`ORDER` is the newest order of the account."""
    if path == "ORDER":
        visit(page, "/history")
        path = str(page.locator("main a[href^='/orders/']").first.get_attribute("href"))
    visit(page, path)
    if path.startswith("/trade/"):
        expect(page.locator("#connection")).to_have_attribute("data-state", re.compile("live|slow"), timeout=SLOW_MS)
        expect(page.locator("#legend")).not_to_be_empty(timeout=SLOW_MS)


def picture(page: Page, what: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name_of(what)}.png")


def style(page: Page, selector: str, name: str, pseudo: str | None = None) -> str:
    return str(page.locator(selector).first.evaluate(STYLE, [name, pseudo]))


def test_pages_at_two_hundred_percent(open_as: OpenAs) -> None:
    page = open_as("dark", viewport=HALF, device_scale_factor=2)
    for path in PAGES:
        open_one(page, path)
        picture(page, f"zoomed {path}")
        assert too_wide(page, path, HALF["width"]) == []
        assert page.evaluate(STUCK) <= 25, f"{path}: bars leave too little of a low window"


def test_letters_twice_as_large(open_as: OpenAs) -> None:
    """The browser's setting of letters, which every size and every breakpoint of ours follows."""
    page = open_as("light", viewport={"width": 1280, "height": 720})
    page.context.new_cdp_session(page).send(
        "Page.setFontSizes", {"fontSizes": {"standard": LARGE_TEXT_PX, "fixed": LARGE_TEXT_PX}}
    )
    for path in PAGES:
        open_one(page, path)
        assert page.evaluate("getComputedStyle(document.body).fontSize") == f"{LARGE_TEXT_PX * 13 / 16:g}px"
        picture(page, f"large text {path}")
        assert too_wide(page, path, 1280) == []


def test_a_low_window_scrolls_instead_of_losing_its_chart(open_as: OpenAs) -> None:
    page = open_as("dark", viewport={"width": 1100, "height": 420})
    open_one(page, TRADE)
    box = page.locator("#chart").bounding_box()
    assert box
    assert box["height"] > 100
    page.locator("#connection").scroll_into_view_if_needed()
    expect(page.locator("#connection")).to_be_in_viewport()


def test_colours_of_the_system(open_as: OpenAs) -> None:
    """Forced colours: focus, what is chosen, sides and sums are told by edges and shapes."""
    page = open_as("dark", forced_colors="active")
    open_one(page, TRADE)
    expect(page.locator("link[href*=system_colours]")).not_to_have_count(0, timeout=SLOW_MS)
    ground = style(page, "body", "backgroundColor")
    wait_until(lambda: page.evaluate(CHART_GROUND) == ground, SLOW_MS / 1000, "the chart has the system's colours")
    page.locator("#amount").focus()
    assert style(page, ".field:has(#amount)", "outlineStyle") == "solid"
    assert float(style(page, ".field:has(#amount)", "outlineWidth").removesuffix("px")) >= 2
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    chosen = "#order-form .sides input:checked + span", "#order-form .sides input:not(:checked) + span"
    assert style(page, chosen[0], "backgroundColor") != style(page, chosen[1], "backgroundColor")
    assert style(page, ".types input:not(:checked) + span", "borderBottomColor") == ground
    assert style(page, ".types input:checked + span", "borderBottomColor") != ground
    assert style(page, ".intervals [aria-current]", "backgroundColor") != ground
    assert style(page, ".orders-panel .tabs [aria-current]", "borderTopStyle", "::after") == "solid"
    assert (style(page, "#bids .bar", "borderBottomStyle"), style(page, "#asks .bar", "borderBottomStyle")) == (
        "solid", "dashed",
    )  # fmt: skip
    assert style(page, "#send", "color") != style(page, "#send", "backgroundColor")
    assert style(page, "#connection .mark", "backgroundColor") != ground
    picture(page, "forced colours trade")
    for path in ("/markets", "/wallet", "ORDER", "/portfolio", "/account/security"):
        open_one(page, path)
        picture(page, f"forced colours {path}")
        first = page.locator("main a:visible, main button:visible").first
        first.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", path


def test_nothing_moves_for_readers_who_want_no_motion(open_as: OpenAs) -> None:
    page = open_as("dark", reduced_motion="reduce")
    for path in (TRADE, "/markets", "/wallet", "ORDER", "/accounts/login/"):
        open_one(page, path)
        assert page.evaluate(MOVING) == [], path


def test_motion_is_found_where_there_is_some(open_as: OpenAs) -> None:
    """So that silence above means something."""
    page = open_as("dark", reduced_motion="no-preference")
    open_one(page, TRADE)
    assert any("button" in each for each in page.evaluate(MOVING))


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_high_contrast(open_as: OpenAs, size: str) -> None:
    phone = size == "phone"
    page = open_as("contrast", viewport={"width": 390, "height": 844} if phone else DESKTOP)
    for path in PAGES[:4] if phone else (TRADE, "/wallet", "ORDER", "/portfolio", "/account/security"):
        open_one(page, path)
        picture(page, f"contrast {size} {path}")
        assert_accessible(page, f"{path} in high contrast on a {size}")


def test_pages_on_paper(open_as: OpenAs) -> None:
    """The dark theme would print light letters on white paper; bars and buttons are of no use there."""
    page = open_as("dark", viewport={"width": 794, "height": 1123})
    page.emulate_media(media="print")
    for path in PAPER:
        open_one(page, path)
        picture(page, f"paper {path}")
        assert style(page, "main h1", "color") == "rgb(0, 0, 0)", path
        assert re.match(r"rgb\(255, 255, 255\)|rgba\(0, 0, 0, 0\)", style(page, "body", "backgroundColor")), path
        for gone in (".site-bar", ".site-foot", "main .button", ".bottom-bar"):
            expect(page.locator(gone).filter(visible=True)).to_have_count(0)
        assert too_wide(page, path, 794) == []


def test_the_largest_window_has_no_room_that_no_level_could_fill(open_as: OpenAs) -> None:
    """At 3840 x 2160 the tape stands under the book: the book is no longer than the levels it can show."""
    page = open_as("dark", viewport={"width": 3840, "height": 2160})
    open_one(page, TRADE)
    book, tape, chart = (page.locator(name).bounding_box() for name in (".book-panel", ".tape-panel", ".chart-panel"))
    assert book
    assert tape
    assert chart
    assert (tape["x"], tape["width"]) == (book["x"], book["width"])
    assert tape["y"] > book["y"] + book["height"]
    assert chart["width"] > 3000
    fits = page.evaluate("asks.clientHeight / asks.querySelector('.level').offsetHeight")
    assert LEAST_LEVELS < fits <= page.locator("#asks .level").count()
