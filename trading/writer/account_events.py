"""What binds accounts and the whole venue: tiers, blocks, dead man's switches, the kill switch, the engine's rules."""

from collections.abc import Callable
from typing import Any

from matching import messages as m
from trading.writer import statements
from trading.writer.rows import ACTOR_LENGTH, REASON_LENGTH, Rows, cut, moment

KILL, RULES = "kill", "rules"  # VenueSwitch.Name, as plain text.


class AccountEvents(Rows):
    def account_handlers(self) -> dict[type, Callable[[Any, int], None]]:
        return {
            m.AccountTierChanged: self._tier_changed,
            m.AccountBlockChanged: self._block_changed,
            m.CancelAfterSet: self._cancel_after_set,
            m.KillSwitchChanged: self._kill_switch_changed,
            m.RulesActivated: self._rules_activated,
        }

    def _tier_changed(self, event: m.AccountTierChanged, _seq: int) -> None:
        self._changes.statements.append(
            (statements.UPSERT_TIER, (event.account_id, event.tier, cut(event.actor, ACTOR_LENGTH)))
        )

    def _block_changed(self, event: m.AccountBlockChanged, _seq: int) -> None:
        market = event.market or ""
        if not event.blocked:
            self._changes.statements.append((statements.DELETE_BLOCK, (event.account_id, market)))
            return
        row = event.account_id, market, self._at, cut(event.actor, ACTOR_LENGTH), cut(event.reason, REASON_LENGTH)
        self._changes.statements.append((statements.UPSERT_BLOCK, row))

    def _cancel_after_set(self, event: m.CancelAfterSet, _seq: int) -> None:
        deadline = None if event.deadline_ms is None else moment(event.deadline_ms)
        self._changes.cancel_after[event.account_id] = deadline

    def _kill_switch_changed(self, event: m.KillSwitchChanged, _seq: int) -> None:
        self._switch(KILL, int(event.engaged), event.actor, event.reason)

    def _rules_activated(self, event: m.RulesActivated, _seq: int) -> None:
        self._switch(RULES, event.version, event.actor, event.reason)

    def _switch(self, name: str, value: int, actor: str, reason: str) -> None:
        row = name, value, self._at, cut(actor, ACTOR_LENGTH), cut(reason, REASON_LENGTH)
        self._changes.statements.append((statements.UPSERT_SWITCH, row))
