"""The part of the crowd that does not trade: staff, and the wallet."""

import random

from matching.messages import (
    AccountDebited,
    Command,
    CreditAccount,
    CreditDeposit,
    DebitAccount,
    DefundHouse,
    Event,
    FundHouse,
    HouseDefunded,
    ListAsset,
    MarketState,
    ReleaseWithdrawal,
    ReserveWithdrawal,
    SetAccountBlock,
    SetAccountTier,
    SetKillSwitch,
    SetMarketFees,
    SetMarketLimits,
    SetMarketState,
    SettleWithdrawal,
)

STAFF = {"actor": "test", "reason": "crowd"}
ACCOUNTS = (1001, 1002, 1003, 1004)
MARKETS = ("SOL_USDC", "BTC_USDC")
ASSETS = ("SOL", "BTC", "USDC")
WALLET = "wallet-"
HURRY = {"kill": 150, "state": 60, "block": 60}  # How much everybody wants trading to go on again.


class StaffAndWallet:
    """Draws its commands from `rng`; `weights` says how often each kind comes."""

    def __init__(self, seed: int, weights: dict[str, int]) -> None:
        self.rng = random.Random(seed)
        self.weights = weights
        self.halted: dict[str, bool] = dict.fromkeys(MARKETS, False)
        self.killed = False
        self.blocked: list[tuple[int, str | None]] = []
        self.wallet_number = 0
        self.withdrawals: list[int] = []

    def weight(self, kind: str) -> int:
        stopped = {"kill": self.killed, "state": any(self.halted.values()), "block": bool(self.blocked)}
        return self.weights[kind] + (HURRY[kind] if stopped.get(kind) else 0)

    def chance(self, of_hundred: int) -> bool:
        return self.rng.randrange(100) < of_hundred

    def key(self) -> str | None:
        return f"key-{self.rng.randrange(60)}" if self.chance(3) else None

    def notice_wallet(self, event: Event) -> None:
        """Events of the wallet tell its number; those it shares with staff have it in their reference."""
        number = getattr(event, "wallet_number", None)
        if number is None and isinstance(event, AccountDebited | HouseDefunded) and event.reference.startswith(WALLET):
            number = int(event.reference.removeprefix(WALLET))
        if number is not None:
            self.wallet_number = max(self.wallet_number, number)

    # ----------------------------------------------------------------------------------------------------------- staff

    def _state(self) -> SetMarketState:
        """A market that is not open is opened again soon."""
        market = self.rng.choice(MARKETS)
        for symbol, halted in self.halted.items():
            if halted:
                market = symbol
        state = self.rng.choice([*MarketState, *[MarketState.AUCTION] * 4])
        if self.halted[market] and self.chance(70):
            state = self.rng.choice((MarketState.OPEN, MarketState.OPEN, MarketState.LIMIT_ONLY, MarketState.POST_ONLY))
        self.halted[market] = state is not MarketState.OPEN
        auction_ms = self.rng.choice((None, 500, 3_000)) if state is MarketState.AUCTION else None
        return SetMarketState(market=market, state=state, auction_ms=auction_ms, **STAFF)

    def _fees(self) -> SetMarketFees:
        return SetMarketFees(
            market=self.rng.choice(MARKETS),
            maker_fee_ppm=self.rng.choice((-3_000, -900, -900, -50, 0, 700, 5_000, 100_000, 1_000_000)),
            taker_fee_ppm=self.rng.choice((*[1_000] * 8, *[4_000] * 4, 90_000, 999_999, 0, -1)),
            tier=self.rng.choice((0, 0, 1, 2, 5)),
            **STAFF,
        )

    def _tier(self) -> SetAccountTier:
        return SetAccountTier(account_id=self.rng.choice(ACCOUNTS), tier=self.rng.randrange(7), **STAFF)

    def _limits(self) -> SetMarketLimits:
        rng = self.rng
        members: dict[str, int] = {}
        for name, values in (
            ("max_quantity_lots", (20, 35)),
            ("min_notional_units", (300, 1_500)),
            ("min_price_ppm", (900_000, 960_000)),
            ("max_price_ppm", (1_050_000, 1_110_000)),
            ("min_impact_ppm", (960_000, 995_000)),
            ("max_impact_ppm", (1_004_000, 1_030_000)),
            ("band_ppm", (20_000, 40_000, 75_000)),
            ("band_window_ms", (100, 2_000, 20_000)),
            ("auction_ms", (400, 2_500)),
        ):
            if self.chance(35):
                members[name] = rng.choice(values)
        return SetMarketLimits(
            market=rng.choice(MARKETS),
            min_quantity_lots=rng.choice((0, 1, 1, 1, 1, 3)),
            max_open_orders=rng.choice((4, 12, 20)),
            **members,
            **STAFF,
        )

    def _block(self) -> SetAccountBlock:
        if self.blocked and self.chance(90):
            account_id, market = self.blocked.pop()
            return SetAccountBlock(account_id=account_id, market=market, blocked=False, **STAFF)
        self.blocked.append((self.rng.choice(ACCOUNTS), self.rng.choice((*MARKETS, None))))
        account_id, market = self.blocked[-1]
        return SetAccountBlock(account_id=account_id, market=market, blocked=True, **STAFF)

    def _kill(self) -> SetKillSwitch:
        self.killed = not self.killed
        return SetKillSwitch(engaged=self.killed, **STAFF)

    # ----------------------------------------------------------------------------------------------------------- money

    def _money(self) -> Command:
        rng = self.rng
        asset = rng.choice(ASSETS if self.chance(96) else ("NIX",))
        units = rng.choice((*[rng.randrange(1, 4_000) for _ in range(4)], 0, 20_000_000, 2**62))
        common = {"asset": asset, "units": units, "reference": "crowd", **STAFF}
        kind = rng.randrange(10)
        if self.chance(3):
            return ListAsset(symbol=rng.choice(ASSETS), decimals=6, **STAFF)
        if kind == 0:
            return FundHouse(**common)
        if kind == 1:
            return DefundHouse(**common)
        if kind < 5:
            return DebitAccount(account_id=rng.choice(ACCOUNTS), **common)
        return CreditAccount(account_id=rng.choice(ACCOUNTS), idempotency_key=self.key(), **common)

    def _wallet(self) -> Command:
        """The next number mostly; else an old one again, or one too far ahead."""
        rng = self.rng
        number = self.wallet_number + 1
        if self.chance(20):
            number = rng.randrange(0, self.wallet_number + 3)
        asset, units = rng.choice(ASSETS), rng.choice((*[rng.randrange(1, 3_000) for _ in range(4)], 0, 300_000, 2**62))
        kind = rng.randrange(8)
        account = {"account_id": rng.choice(ACCOUNTS), "asset": asset, "units": units, "wallet_number": number}
        if kind < 3:
            return CreditDeposit(deposit_id=number, **account)
        if kind == 3:
            return ReserveWithdrawal(withdrawal_id=number, fee_units=rng.choice((0, units // 2, units)), **account)
        if kind == 4:
            return DebitAccount(reference=f"{WALLET}{number}", **account, **STAFF)
        if kind == 5:
            del account["account_id"]
            return DefundHouse(reference=f"{WALLET}{number}", **account, **STAFF)
        withdrawal_id = rng.choice(self.withdrawals[-3:]) if self.withdrawals and self.chance(85) else number
        if kind == 6:
            to = rng.choice((None, *ACCOUNTS))
            return SettleWithdrawal(withdrawal_id=withdrawal_id, wallet_number=number, to_account_id=to)
        return ReleaseWithdrawal(withdrawal_id=withdrawal_id, wallet_number=number)
