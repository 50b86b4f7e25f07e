"""Who is asking: the name of a reply stream, unique in each life of each process, and the order of commands in it."""

import os
import secrets
import socket

from matching.messages import AmendOrder, Batch, CancelAllOrders, CancelOrder, Command, PlaceOco, PlaceOrder
from matching.transport.admit import Kind


def new_origin() -> str:
    """`host-pid-random`: no process ever reads the answers of an earlier life or of a neighbour with the same pid."""
    host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:32]
    return f"{host}-{os.getpid()}-{secrets.token_hex(6)}"


def weight_of(command: Command) -> int:
    """How many commands it counts for in the bound on the backlog."""
    if isinstance(command, Batch):
        return max(1, len(command.steps))
    return 2 if isinstance(command, PlaceOco) else 1


def kind_of(command: Command) -> Kind:
    """How the backlog bound treats the command. A batch that only cancels is a cancel."""
    if isinstance(command, PlaceOrder):
        return Kind.ORDER
    if isinstance(command, CancelOrder | CancelAllOrders):
        return Kind.CANCEL
    if isinstance(command, AmendOrder | PlaceOco):
        return Kind.ORDER
    if isinstance(command, Batch):
        only_cancels = all(isinstance(step, CancelOrder | CancelAllOrders) for step in command.steps)
        return Kind.CANCEL if only_cancels else Kind.ORDER
    return Kind.ADMIN
