"""Who is asking: the name of a reply stream, unique in each life of each process, and the order of commands in it."""

import os
import secrets
import socket

from matching.messages import CancelAllOrders, CancelOrder, Command, PlaceOrder
from matching.transport.admit import Kind


def new_origin() -> str:
    """`host-pid-random`: no process ever reads the answers of an earlier life or of a neighbour with the same pid."""
    host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:32]
    return f"{host}-{os.getpid()}-{secrets.token_hex(6)}"


def kind_of(command: Command) -> Kind:
    """How the backlog bound treats the command."""
    if isinstance(command, PlaceOrder):
        return Kind.ORDER
    if isinstance(command, CancelOrder | CancelAllOrders):
        return Kind.CANCEL
    return Kind.ADMIN
