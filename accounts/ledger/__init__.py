"""The double-entry ledger (docs/ledger.md): what the engine decided, and what the wallet holds for it."""
