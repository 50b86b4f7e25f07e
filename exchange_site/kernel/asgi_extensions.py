"""What our server does for the application beyond ASGI, named as ASGI wants it: in `scope["extensions"]`."""

SEVERAL_TEXTS = "exchange.several_texts"
"""`websocket.send` may carry `texts`, the UTF-8 of several text frames, in the place of `text`."""
