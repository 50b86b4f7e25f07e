"""What our server does for the application beyond ASGI, named as ASGI wants it: in `scope["extensions"]`."""

SEVERAL_TEXTS = "exchange.several_texts"
"""`websocket.send` may carry `texts`, the UTF-8 of several text frames, in the place of `text`."""

BODY_AT_HAND = "exchange.body_at_hand"
"""A function that returns the request's body when all of it has come, None while there is more to receive."""

WHOLE_ANSWER = "exchange.whole_answer"
"""`http.response.start` may carry `body`, which is all of it; its length stands in the headers. Nothing follows."""
