"""What a market takes at the moment, in words: for the trading page, the list of markets and refused forms."""

from dataclasses import dataclass

from django.utils import timezone

from marketdata.models import Market
from matching.messages import MarketState

_WORDS = {
    MarketState.OPEN: "Open",
    MarketState.POST_ONLY: "Post-only",
    MarketState.LIMIT_ONLY: "Limit only",
    MarketState.CANCEL_ONLY: "Halted",
    MarketState.CLOSED: "Closed",
}
_SENTENCES = {
    MarketState.POST_ONLY: "{name} takes only orders that rest in the book{since}. Market orders are off.",
    MarketState.LIMIT_ONLY: "{name} takes limit orders only{since}. Market orders are off.",
    MarketState.CANCEL_ONLY: "{name} is halted{since}. Open orders stay; you can cancel them.",
    MarketState.CLOSED: "{name} is closed{since}. Orders can be neither placed nor cancelled.",
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


def state_words(market: Market) -> StateWords:
    state = MarketState(market.state)
    if state is MarketState.OPEN:
        return StateWords(state.value, _WORDS[state], "")
    sentence = _SENTENCES[state].format(name=market.symbol.replace("_", "/"), since=_since(market))
    reason = market.state_reason.strip()
    if reason:
        sentence += f" Reason: {reason if reason[-1] in '.!?' else f'{reason}.'}"
    return StateWords(state.value, _WORDS[state], sentence)


def _since(market: Market) -> str:
    """` since 14:05` today, ` since 20 Nov 14:05` before, in UTC; nothing where the moment is not known."""
    moment = market.state_since
    if moment is None:
        return ""
    day = "" if moment.date() == timezone.now().date() else f"{moment.day} {moment.strftime('%b')} "
    return f" since {day}{moment.strftime('%H:%M')}"
