"""What a market takes at the moment, in words: for the trading page, the list of markets and refused forms."""

from dataclasses import dataclass

from django.utils.translation import gettext, gettext_noop

from marketdata import halt
from marketdata.halt import Halt
from marketdata.models import Market
from matching.messages import MarketState

_WORDS = {
    MarketState.OPEN: gettext_noop("Open"),
    MarketState.POST_ONLY: gettext_noop("Post-only"),
    MarketState.LIMIT_ONLY: gettext_noop("Limit only"),
    MarketState.CANCEL_ONLY: gettext_noop("Halted"),
    MarketState.CLOSED: gettext_noop("Closed"),
    MarketState.AUCTION: gettext_noop("Auction"),
}
_SENTENCES = {
    MarketState.POST_ONLY: gettext_noop(
        "{name} takes only orders that rest in the book{since}. Market orders are off."
    ),
    MarketState.LIMIT_ONLY: gettext_noop("{name} takes limit orders only{since}. Market orders are off."),
    MarketState.CANCEL_ONLY: gettext_noop("{name} is halted{since}. Open orders stay; you can cancel them."),
    MarketState.CLOSED: gettext_noop("{name} is closed{since}. Orders can be neither placed nor cancelled."),
    MarketState.AUCTION: gettext_noop(
        "{name} is in an auction{since}: limit orders are collected and trade at its end."
    ),
}


@dataclass(frozen=True, slots=True)
class StateWords:
    """`word` names the state; `sentence` says what it means to a trader and why, and is empty while all is open."""

    state: str
    word: str
    sentence: str

    @property
    def is_open(self) -> bool:
        return self.state == MarketState.OPEN

    @property
    def takes_orders(self) -> bool:
        return self.state not in (MarketState.CANCEL_ONLY, MarketState.CLOSED)


def state_words(market: Market, stopped: Halt | None = None) -> StateWords:
    """`stopped` is the kill switch (`halt.current()`): while it is engaged, every market is as if halted."""
    state = MarketState(market.state)
    if stopped is not None and state is not MarketState.CLOSED:
        return StateWords(MarketState.CANCEL_ONLY.value, gettext("Stopped"), stopped.sentence)
    if state is MarketState.OPEN:
        return StateWords(state.value, gettext(_WORDS[state]), "")
    since = halt.since(market.state_since) + halt.by(market.state_actor)
    sentence = gettext(_SENTENCES[state]).format(name=market.symbol.replace("_", "/"), since=since)
    return StateWords(state.value, gettext(_WORDS[state]), sentence + halt.because(market.state_reason))
