"""Every page but the trading page in a real browser: accessible, as wide as the window, in both languages, without
script; passkeys, sessions, stars and the theme as people use them. One exchange serves all of it."""

import re
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from exchange_site.launcher.home import ROOT
from exchange_site.tests.e2e.axe import assert_accessible, violations
from exchange_site.tests.e2e.running import RunningExchange
from exchange_site.tests.e2e.trading_page import PASSWORD, SLOW_MS

WIDTHS = {"desktop": 1440, "tablet": 900, "phone": 390}
NARROWEST, WIDEST = 320, 3840
BETWEEN = (360, 768, 1024, 1280)  # Each begins or ends an arrangement of the frame.
SCREENSHOTS = ROOT / "build/screenshots"
PUBLIC = (
    "/", "/markets", "/markets?quote=favourites", "/status", "/announcements", "/preferences", "/styleguide", "/proof",
    "/fees", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/no-such-page",
)  # fmt: skip
OWN = (
    "/", "/markets", "/portfolio", "/wallet", "/wallet/deposit", "/wallet/withdraw", "/wallet/addresses", "/history",
    "/account", "/account/security", "/account/keys", "/preferences", "/fees", "/accounts/2fa/",
    "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/", "/accounts/email/",
    "/accounts/password/change/", "/accounts/logout/", "/status", "/proof",
)  # fmt: skip
SERIAL = count(1)
Open = Callable[..., Page]


@pytest.fixture
def open_page(exchange: RunningExchange, new_context: Callable[..., BrowserContext]) -> Open:
    def make(**options: Any) -> Page:
        page = new_context(
            **{"viewport": {"width": 1440, "height": 900}, "base_url": exchange.url, **options}
        ).new_page()
        page.set_default_timeout(SLOW_MS)
        return page

    return make


def sign_up(page: Page, exchange: RunningExchange) -> str:
    email = f"site{next(SERIAL)}@example.org"
    exchange.manage_all(("create_user", email, "--password", PASSWORD), ("fund", email, "USDC", "1000"))
    log_in(page, email)
    return email


def log_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator(".account-menu, .bottom-bar").first).to_be_attached()


def name_of(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "home"


def visit(page: Page, path: str) -> None:
    """Some pages ask for the password again when the last login is some minutes old."""
    answer = page.goto(path)
    if "reauthenticate" in page.url:
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("main form button[type=submit]").click()
        page.wait_for_url(lambda url: "reauthenticate" not in url)
        answer = None
    assert answer is None or answer.status == (404 if path == "/no-such-page" else 200), f"{path}: {answer.status}"


def walk(page: Page, paths: tuple[str, ...], who: str) -> None:
    """Each page in both themes: axe, three widths in pictures, and nothing wider than the window at any width."""
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(f"{page.url}: {error}"))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for theme in ("dark", "light"):
            page.context.add_cookies([{"name": "theme", "value": theme, "url": page.evaluate("location.origin")}])
            page.set_viewport_size({"width": WIDTHS["desktop"], "height": 900})
            visit(page, path)
            assert page.locator("html").get_attribute("data-theme") == theme
            assert_accessible(page, f"{path} for {who} in {theme}")
            for size, width in WIDTHS.items():
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=SCREENSHOTS / f"{who}-{name_of(path)}-{size}-{theme}.png", full_page=True)
                failures += too_wide(page, path, width)
        for width in (NARROWEST, *BETWEEN, WIDEST):
            page.set_viewport_size({"width": width, "height": 900})
            failures += too_wide(page, path, width)
    assert not failures, "\n".join(failures)


def too_wide(page: Page, path: str, width: int) -> list[str]:
    found = int(page.evaluate("document.documentElement.scrollWidth"))
    return [f"{path} is {found} wide in a window of {width}"] if found > width else []


def test_axe_finds_what_is_wrong(open_page: Open) -> None:
    """So that its silence below means something."""
    page = open_page()
    page.goto("/status")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x><button></button>')")
    assert {"image-alt", "button-name"} <= {each["id"] for each in violations(page)}


def test_every_public_page(open_page: Open) -> None:
    page = open_page()
    page.goto("/status")
    walk(page, PUBLIC, "guest")


def test_every_page_of_an_account(open_page: Open, exchange: RunningExchange) -> None:
    page = open_page()
    sign_up(page, exchange)
    walk(page, OWN, "member")


def test_german_pages_and_high_contrast(open_page: Open) -> None:
    """The other language and the third theme, where words are longest and colours fewest."""
    page = open_page(locale="de-DE", viewport={"width": NARROWEST, "height": 800})
    page.goto("/")
    page.context.add_cookies([{"name": "theme", "value": "contrast", "url": page.url}])
    for path in ("/", "/markets", "/status", "/preferences", "/accounts/login/", "/styleguide"):
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == "de"
        assert page.locator("html").get_attribute("data-theme") == "contrast"
        assert_accessible(page, f"{path} in German and high contrast")
        page.screenshot(path=SCREENSHOTS / f"german-{name_of(path)}-narrow-contrast.png", full_page=True)
        assert too_wide(page, path, NARROWEST) == []
    page.goto("/markets")
    expect(page.locator("#connection-text")).to_have_text("Live")
    expect(page.locator("tr[data-market=BTC_USDC] [data-last]")).to_contain_text(re.compile(r"^\d+\.\d{3},\d$"))


def test_stars_theme_filter_and_sorting_without_a_reload(open_page: Open, exchange: RunningExchange) -> None:
    page = open_page(color_scheme="dark")
    sign_up(page, exchange)
    page.goto("/markets")
    page.evaluate("document.documentElement.dataset.mark = 'same document'")
    page.locator("[data-star=ETH_USDC]").click()
    expect(page.locator("[data-star=ETH_USDC]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#star-count")).to_have_text("1")
    page.locator("th[data-sort=market] a").click()
    expect(page.locator("th[data-sort=market]")).to_have_attribute("aria-sort", "ascending")
    symbols = [row.get_attribute("data-market") for row in page.locator("#markets tbody tr").all()]
    assert symbols == sorted(symbols)
    page.locator("#filter").fill("bitcoin")
    expect(page.locator("#markets tbody tr:visible")).to_have_count(1)
    page.locator("#theme-button").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.locator("html").get_attribute("data-mark") == "same document"
    page.goto("/markets?quote=favourites")
    expect(page.locator("#markets tbody tr")).to_have_count(1)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_the_site_works_without_script(open_page: Open, exchange: RunningExchange) -> None:
    page = open_page(java_script_enabled=False)
    sign_up(page, exchange)
    page.goto("/markets?sort=last&dir=up")
    page.locator("[data-star=SOL_USDC]").click()
    expect(page.locator("[data-star=SOL_USDC]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("th[data-sort=last]")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("h1")).to_have_text("Märkte")
    page.goto("/preferences")
    page.locator("#p-language").select_option("en")
    page.locator("#p-theme").select_option("contrast")
    page.get_by_role("button", name="Speichern").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "contrast")
    expect(page.locator("main")).to_contain_text("Your preferences are kept.")
    page.goto("/portfolio?period=7d")
    expect(page.locator("main")).to_contain_text("1,000.00")


def test_rules_of_a_new_password_are_ticked_while_one_types(open_page: Open) -> None:
    page = open_page()
    page.goto("/accounts/signup/")
    rules = {key: page.locator(f"[data-rule={key}]") for key in ("long", "other", "rare")}
    met = re.compile(r"\bmet\b")
    page.locator("input[name=email]").fill("robertsmith@example.org")
    for password, expected in {
        "robertsmith1": {"long", "rare"},
        "qwerty123456": {"long", "other"},
        "short": {"other", "rare"},
        PASSWORD: {"long", "other", "rare"},
        "": set(),
    }.items():
        page.locator("input[name=password1]").fill(password)
        for key, rule in rules.items():
            if key in expected:
                expect(rule).to_have_class(met)
            else:
                expect(rule).not_to_have_class(met)
    assert_accessible(page, "The rules of a password")
    page.goto("/accounts/login/")
    expect(page.locator(".password-rules")).to_have_count(0)


def test_a_passkey_is_added_and_logs_in(open_page: Open, exchange: RunningExchange) -> None:
    """With Chromium's virtual authenticator. Browsers tie passkeys to names, so the address is `localhost`."""
    page = open_page(base_url=exchange.url.replace("127.0.0.1", "localhost"))
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    device = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
              "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    sign_up(page, exchange)
    page.goto("/account/security")
    expect(page.get_by_role("link", name="Add a passkey")).to_be_visible()
    visit(page, "/accounts/2fa/webauthn/add/")
    page.locator("input[name=name]").fill("My laptop")
    passwordless = page.locator("input[name=passwordless]")
    if passwordless.count():
        passwordless.check()
    page.locator("#mfa_webauthn_add").click()
    expect(page.locator("main")).to_contain_text(re.compile("My laptop|recovery codes", re.IGNORECASE))
    page.goto("/account/security")
    expect(page.locator("main")).to_contain_text("My laptop")
    page.goto("/accounts/logout/")
    page.locator("main form button.primary").click()
    page.goto("/accounts/login/?next=/account/security")
    page.locator("#passkey_login").click()
    expect(page).to_have_url(re.compile("/account/security"))
    expect(page.locator("#sessions")).to_contain_text("This one")


def test_the_status_page_measures(open_page: Open, exchange: RunningExchange) -> None:
    exchange.manage("shell", "-c", "from exchange_site.news.probe import measure; measure()")
    page = open_page()
    page.goto("/status")
    row = page.locator("tr", has_text="Matching engine")
    expect(row).to_contain_text(re.compile(r"\d+\.\d"))
    expect(row).not_to_contain_text("No answer")
