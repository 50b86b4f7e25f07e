"""Fee tiers by volume: what an account traded in thirty days decides what its orders cost (docs/fees.md)."""
