"""What the description of the API says before its routes: how a request is signed. The long form is docs/rest.md."""

ABOUT = """
Prices, quantities and amounts are strings, never floats. Public data needs nothing; every other request is signed.

**Signing.** A key is an Ed25519 public key in base64; make one under *API keys*, where your browser keeps the secret.
Sign this text and send the signature, in base64, with three more headers:

```
instruction=<word>[&<member>=<value>...]&timestamp=<X-Timestamp>&window=<X-Window>
```

| header | |
|---|---|
| `X-API-Key` | the public key |
| `X-Timestamp` | milliseconds since 1970 |
| `X-Window` | for how many milliseconds the request is valid: 5000, at most 60000 |
| `X-Signature` | the signature |

The members are those of the query (`GET`) or of the JSON body, sorted by name; `true` and `false` in small letters,
`null` left out. The word of each route stands with it. A batch repeats `instruction=orderExecute&...` for each of its
orders.

**Trying again.** With the header `Idempotency-Key` a request that changes something is done once, however often it is
sent. 503 says that nothing was done; 504 says that the outcome is not known yet.

**Live data** come over a WebSocket at the same address, `/`: `{"method": "SUBSCRIBE", "params": ["depth.SOL_USDC"]}`.
""".strip()
