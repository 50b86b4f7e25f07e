"""The ledger as one book (docs/ledger.md): postings of `accounts`, and the legs that every fill stands for."""
