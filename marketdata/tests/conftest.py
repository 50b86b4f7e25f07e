from marketdata.tests.feed_rig import venue

__all__ = ["venue"]
