from trading.tests.history.conftest import story

__all__ = ["story"]
