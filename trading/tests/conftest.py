from marketdata.tests.feed_rig import venue
from trading.tests.feed_sockets import alice_key, hub, people, user_feed

__all__ = ["alice_key", "hub", "people", "user_feed", "venue"]
