"""The venue of the wallet's tests: Alice and Bob with money in the engine, chains, and the steps of every process."""

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.utils import timezone

from accounts import services
from accounts.models import Account, Balance, User
from accounts.tests.wallet import codes
from accounts.wallet import deposits, progress, withdrawals
from accounts.wallet.drainer import drain
from accounts.wallet.models import AssetNetwork, Deposit, Withdrawal, WithdrawalAddress
from accounts.wallet.simulated.addresses import make_address
from accounts.wallet.simulated.models import SimulatedOutput
from accounts.wallet.simulated.network import Network
from accounts.wallet.withdrawals import Wish
from exchange_site.kernel.errors import ApiError
from marketdata.models import Asset
from matching.tests.fake_engine import FakeEngine

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SOL = 10**9
OUTSIDE = make_address("Solana", "somebody outside")


def code() -> str:
    """What Alice's authenticator app shows now."""
    return codes.code(SECRET)


class Rig:
    def __init__(self, log: Any) -> None:
        for account_id, kind in ((1, "house"), (2, "fees"), (3, "outside")):
            Account.objects.get_or_create(id=account_id, defaults={"kind": kind})
        self.sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
        self.usdc = Asset.objects.create(symbol="USDC", name="USD Coin", decimals=6, blockchain="Solana")
        self.network = AssetNetwork.objects.create(
            asset=self.sol,
            blockchain="Solana",
            confirmations=3,
            minimum_deposit_units=SOL // 100,
            minimum_withdrawal_units=SOL // 50,
            withdrawal_fee_units=SOL // 100,
        )
        self.alice = services.create_user("alice@example.org", "correct horse battery").account
        self.bob = services.create_user("bob@example.org", "correct horse battery").account
        TOTP.activate(self.alice.user, SECRET)
        self.chain = Network("Solana")
        self.engine = FakeEngine(log)
        self.engine.prepare(self.alice.pk, self.bob.pk)
        self.show_balances()

    # ---------------------------------------------------------------------------------------------------- the engine
    def held(self, account: Account, asset: str = "SOL") -> tuple[int, int]:
        """(available, locked) as the engine has it."""
        row = self.engine.engine.venue.balances.assets[asset].rows.get(account.pk)
        return (0, 0) if row is None else (row.available, row.locked)

    def funded(self, asset: str = "SOL") -> int:
        return int(self.engine.engine.venue.balances.assets[asset].funded_units)

    def show_balances(self) -> None:
        """What the db writer does: the engine's balances as rows."""
        for account in (self.alice, self.bob):
            for asset in (self.sol, self.usdc):
                available, locked = self.held(account, asset.symbol)
                amounts = {"available_units": available, "locked_units": locked}
                Balance.objects.update_or_create(account=account, asset=asset, defaults=amounts)

    def check_conservation(self) -> None:
        for asset in self.engine.engine.venue.balances.assets.values():
            total = sum(row.available + row.locked for row in asset.rows.values())
            assert total == asset.funded_units, asset.symbol
            assert all(row.available >= 0 and row.locked >= 0 for row in asset.rows.values())

    # ----------------------------------------------------------------------------------------------------- the steps
    def book(self, account: Account, address: str = OUTSIDE, **more: Any) -> WithdrawalAddress:
        """An address that has been in the book for long."""
        return WithdrawalAddress.objects.create(
            account=account, blockchain="Solana", address=address, usable_from=timezone.now(), **more
        )

    def ask(self, amount: str = "5", address: str = OUTSIDE, account: Account | None = None, **more: Any) -> Withdrawal:
        """As a trusted key does, unless `more` says otherwise."""
        wish = Wish("SOL", "Solana", address, amount, **{"key_id": 1, **more})
        return withdrawals.request(account or self.alice, wish)

    def trust(self, account: Account | None = None, address: str = OUTSIDE) -> WithdrawalAddress:
        return self.book(account or self.alice, address, for_keys=True)

    def scan(self) -> None:
        deposits.scan("Solana")
        drain()

    def advance(self) -> None:
        drain()
        progress.advance_all()
        drain()

    def staff(self, email: str) -> User:
        return services.create_user(email, "correct horse battery", staff=True)

    def deposit(self) -> Deposit:
        return Deposit.objects.get()


def paid(address: str = OUTSIDE) -> list[int]:
    """What the chain has paid there, in blocks or waiting."""
    return list(SimulatedOutput.objects.filter(address=address).values_list("units", flat=True))


def state_of(row: Withdrawal) -> str:
    return str(Withdrawal.objects.get(pk=row.pk).state)


def refusal(rig: Rig, *args: Any, **more: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        rig.ask(*args, **more)
    return refused.value
