"""Pages in their reader's language and figures, the API in neither; and what is compiled is what is written."""

import gettext
import re

import pytest
from django.conf import settings
from django.utils import translation

from exchange_site.kernel import speech
from exchange_site.tests.api_rig import forget_caches, make_market
from marketdata import figures
from marketdata.models import MarketFigures

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
DOMAINS = ["django", "djangojs", "scripts"]
ENTRY = re.compile(
    r'(?:^msgctxt (?P<context>(?:".*"\n?)+))?^msgid (?P<id>(?:".*"\n?)+)(?:^msgid_plural (?P<plural>(?:".*"\n?)+))?'
    r"(?P<texts>(?:^msgstr(?:\[\d\])? (?:\".*\"\n?)+)+)",
    re.MULTILINE,
)
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%\d")
TAGGED = re.compile(r"(?<![\w$])t`((?:[^`\\$]|\\.|\$(?!\{)|\$\{[^{}`]*\})*)`")  # t`At ${price}.` of our scripts.
SCRIPTS = [path for path in (settings.BASE_DIR / "static/js").glob("*.js") if path.name != "speech.js"]


def joined(lines: str) -> str:
    parts = re.findall(r'^"(.*)"$', lines, re.MULTILINE)
    return "".join(parts).replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")


def entries(language: str, domain: str):
    """`(context, English, [texts])` of every entry of the written file; its header is left out."""
    source = (settings.LOCALE_PATHS[0] / language / f"LC_MESSAGES/{domain}.po").read_text(encoding="utf-8")
    for found in ENTRY.finditer(source):
        texts = [joined(each) for each in re.split(r"^msgstr(?:\[\d\])? ", found["texts"], flags=re.MULTILINE)[1:]]
        english = joined(found["id"])
        if english:
            yield joined(found["context"] or ""), english, texts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("domain", DOMAINS)
def test_everything_is_translated_and_compiled(language, domain):
    compiled = gettext.translation(domain, settings.LOCALE_PATHS[0], [language])
    rows = list(entries(language, domain))
    assert len(rows) > 10
    for context, english, texts in rows:
        assert all(texts), f"not translated: {english!r}"
        for text in texts:
            known = set(PLACE.findall(english))
            assert set(PLACE.findall(text)) <= known, f"a place that is not in {english!r}: {text!r}"
        if len(texts) == 1:
            found = compiled.pgettext(context, english) if context else compiled.gettext(english)
            assert found == texts[0], "not compiled: msgfmt -o django.mo django.po"
            assert set(PLACE.findall(english)) == set(PLACE.findall(texts[0])), english


@pytest.fixture
def market(db):
    forget_caches()
    made = make_market()
    MarketFigures.objects.create(market=made, last_price_ticks=9_741_250)
    yield made
    forget_caches()


def test_the_browser_decides_until_the_reader_does(client, market):
    german = client.get("/markets", headers={"accept-language": "de-CH,de;q=0.9"})
    text = german.content.decode()
    assert 'lang="de"' in text
    assert 'data-numbers="comma"' in text
    assert "97.412,5" in text
    assert "Märkte" in text
    assert german["Content-Language"] == "de"
    assert "Accept-Language" in german["Vary"]
    client.post("/language", {"language": "en"})
    chosen = client.get("/markets", headers={"accept-language": "de"}).content.decode()
    assert 'lang="en"' in chosen
    assert "97,412.5" in chosen


def test_a_language_that_is_not_here_is_english(client, market):
    assert 'lang="en"' in client.get("/markets", headers={"accept-language": "fr"}).content.decode()
    client.post("/language", {"language": "xx"})
    assert 'lang="en"' in client.get("/markets").content.decode()


def test_the_api_speaks_english_and_points(client, market):
    answer = client.get("/api/v1/klines?symbol=NO_SUCH&interval=1m", headers={"accept-language": "de"})
    assert answer.json()["code"]
    assert answer.json()["message"].isascii()


def test_one_request_does_not_change_the_figures_of_the_next(client, market):
    client.get("/markets", headers={"accept-language": "de"})
    assert figures.grouped("1234.5") == "1,234.5"


def tagged(source: str) -> list[str]:
    """The sentences of a script as the catalogue calls them: `At %1.`"""
    sentences = []
    for text in TAGGED.findall(source):
        count = iter(range(1, 10))
        english = re.sub(r"\$\{[^{}`]*\}", lambda _, at=count: f"%{next(at)}", text)
        sentences.append(re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), english))
    return sentences


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_script_is_in_the_catalogue_and_no_other(language):
    known = speech.words(language)
    used = set()
    for path in SCRIPTS:
        source = path.read_text(encoding="utf-8")
        found = tagged(source)
        assert len(found) == len(re.findall(r"(?<![\w$])t`", source)), f"{path.name}: a sentence within a sentence"
        assert not [each for each in found if each not in known], f"{path.name}: not in {language}/scripts.po"
        used |= set(found)
    assert len(used) > 100
    kept = {english for context, english, _ in entries(language, "scripts") if not context}
    assert kept <= used, f"in scripts.po, but in no script: {kept - used}"


def test_sentences_of_the_api_on_a_page():
    with translation.override("de"):
        assert speech.told("Insufficient funds") == "Das Guthaben reicht nicht"
        assert speech.told("Price must be a multiple of 0.01") == "Der Preis muss ein Vielfaches von 0.01 sein"
        assert speech.told("Nobody has ever said this") == "Nobody has ever said this"
    assert speech.told("Insufficient funds") == "Insufficient funds"


def test_the_words_of_scripts(client):
    speech.words.cache_clear()
    assert client.get("/words/de.json").json()["Show"] == "Zeigen"
    assert client.get("/words/en.json").json() == {}
    assert client.get("/words/xx.json").status_code == 404


@pytest.mark.parametrize(
    ("style", "shown"), [("point", "\u22121,234.50"), ("comma", "\u22121.234,50"), ("space", "\u22121\u202f234,50")]
)
def test_styles_of_figures(style, shown):
    with figures.write_as(style):
        assert figures.grouped("-1234.50") == shown
        assert figures.grouped(figures.grouped("-1234.50")) == shown
        assert figures.grouped("+" + figures.grouped("1234.50"))[1:] == shown[1:]
        assert figures.dimmed_parts(figures.grouped("8.00")) == ("8", shown[-3] + "00")
        assert figures.dimmed_parts(figures.grouped("0.00")) == ("", "0")
        assert figures.percent(251, 10_000) == f"+2{shown[-3]}51\u202f%"
        assert figures.short("69743210.5") == f"69{shown[-3]}74\u202fM"
