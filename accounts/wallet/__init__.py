"""Money between the venue and the outside: deposits, withdrawals, and the chains they travel on (`docs/wallet.md`).

The engine alone decides who has what. This package asks it, through an outbox that repeats every wish until it knows
the answer, and never asks for the same thing twice.
"""
