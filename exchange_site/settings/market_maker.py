"""Every number of the demo market maker and its random takers. Prices and sizes are decimal text, never float.

Meaning of the entries of a market:

- `reference_price`: where the random walk starts and is drawn back to; `band_bps`: how far it may go.
- `volatility_ppm`: largest move of one refresh; `reversion_ppm`: share of the distance to the reference undone in one.
- `spread_bps`: between best bid and best ask; `levels`: prices quoted on each side.
- `level_step_ticks` and `density_percent`: candidate prices lie that many ticks apart and that share of them is used.
- `size`: typical quantity of a level near the spread; deeper levels are up to three times as large.
- `inventory_target`, `inventory_limit`: wanted holding of the base asset, and the distance from it at which the side
  that would add to the distance stops; on the way there quotes are shifted by up to `skew_bps`.
- `taker_target`: the holding of the takers at which they buy and sell alike; the further from it, the more one-sided.
- `refresh_ms`: time between two looks at the own orders; `max_cancels`: single cancels sent in one of them.
- `taker_every_ms`: mean time between two random takers; `taker_size`: their largest quantity; `taker_slippage_bps`:
  how far from the reference they may trade.
"""

_COMMON = {
    "band_bps": 1_500,
    "volatility_ppm": 110,
    "reversion_ppm": 500,
    "levels": 14,
    "density_percent": 70,
    "skew_bps": 10,
    "refresh_ms": 1_500,
    "max_cancels": 5,
    "taker_slippage_bps": 50,
}

MARKET_MAKER: dict = {
    "seed": 20,  # Of the random walk and the takers, so that a session can be repeated.
    "request_timeout_ms": 3_000,
    "markets": {
        "SOL_USDC": {
            **_COMMON,
            "reference_price": "168.40",
            "spread_bps": 1,
            "level_step_ticks": 1,
            "size": "18",
            "inventory_target": "500000",
            "taker_target": "100000",
            "inventory_limit": "20000",
            "taker_every_ms": 1_300,
            "taker_size": "14",
        },
        "BTC_USDC": {
            **_COMMON,
            "reference_price": "97412.5",
            "spread_bps": 1,
            "level_step_ticks": 20,
            "size": "0.09",
            "inventory_target": "2000",
            "taker_target": "500",
            "inventory_limit": "40",
            "taker_every_ms": 1_700,
            "taker_size": "0.06",
        },
        "ETH_USDC": {
            **_COMMON,
            "reference_price": "3118.26",
            "spread_bps": 1,
            "level_step_ticks": 12,
            "size": "1.6",
            "inventory_target": "40000",
            "taker_target": "10000",
            "inventory_limit": "1200",
            "taker_every_ms": 1_900,
            "taker_size": "1.1",
        },
        "ETH_BTC": {
            **_COMMON,
            "reference_price": "0.032012",
            "volatility_ppm": 70,
            "spread_bps": 2,
            "level_step_ticks": 2,
            "size": "1.2",
            "inventory_target": "40000",
            "taker_target": "10000",
            "inventory_limit": "1200",
            "refresh_ms": 3_000,
            "taker_every_ms": 5_000,
            "taker_size": "0.8",
        },
    },
}
