"""Replies: what the one who sent a command is told."""

import msgspec

from matching.messages.base import Message, OrderView
from matching.messages.words import RefusalReason


class OrderReply(Message, frozen=True, kw_only=False, tag="order"):
    order: OrderView


class OrdersReply(Message, frozen=True, tag="orders"):
    orders: list[OrderView]


class Done(Message, frozen=True, tag="done"):
    """The command took effect and has nothing more to say."""


class DeadlineReply(Message, frozen=True, tag="deadline"):
    """When the dead man's switch runs out (log time); None when it is off."""

    deadline_ms: int | None


class Refused(Message, frozen=True, tag="refused"):
    """Nothing changed. `order_id` names the order that stands in the way, where there is one (duplicate client id)."""

    reason: RefusalReason
    order_id: int | None = None


class BatchReply(Message, frozen=True, tag="batch"):
    """One answer a step, in their order."""

    replies: list[OrderReply | OrdersReply | Refused]


Reply = OrderReply | OrdersReply | BatchReply | DeadlineReply | Done | Refused


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One reply on `rep:<origin>`: outcome `n` for `correlation`; `replayed` when an idempotency key had been used."""

    correlation: int
    n: int
    replayed: bool
    reply: Reply


def reply_from_plain(plain: object) -> Reply:
    """A reply that a snapshot holds as lists, strings and numbers. Raises msgspec.ValidationError when it is none."""
    return msgspec.convert(plain, Reply)  # type: ignore[no-any-return]
