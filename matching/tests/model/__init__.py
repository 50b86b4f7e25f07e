"""A second engine, slow and obvious: lists, sorting and plain integers. It predicts every answer and every event.

It is written from `docs/orders.md` alone and shares nothing with the core but the vocabulary of messages. Where the
core keeps levels, links and indexes, the model walks through a list and sorts it anew each time.
"""

from matching.tests.model.engine import Model, Predicted

__all__ = ["Model", "Predicted"]
