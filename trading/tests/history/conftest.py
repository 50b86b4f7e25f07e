import pytest

from trading.tests.history.rig import Story


@pytest.fixture
def story(transactional_db: None) -> Story:
    """Alice and Bob with money, and one trade of the example in docs/money.md."""
    told = Story()
    told.person("alice")
    told.person("bob")
    told.gets("alice", "20", "SOL").gets("bob", "10000", "USDC")
    told.trades("alice", "sell", "12.5", "SOL_USDC", "168.40", "bob")
    return told
