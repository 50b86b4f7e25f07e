"""The demo venue: assets, markets, people with money, and the keys of the market maker. Every step may run again.

Passwords and keys are made for each installation and live in its home folder, readable by its owner only.
"""

import base64
import json
import os
import secrets
from decimal import Decimal
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from accounts import services
from accounts.models import HOUSE_ACCOUNT_ID, Account, ApiKey, LedgerPosting, User
from accounts.services import Credit
from accounts.tiers import MARKET_MAKER, give_tier
from accounts.wallet.demo import bring_coins_of_earlier_payments, seed_wallet
from accounts.wallet.value import CENTS
from marketdata.engine_calls import accepted, ask_all
from marketdata.models import Asset, Market, MarketFigures
from marketdata.rules import fees_in_force, set_market_fees
from marketdata.services import list_asset, list_market
from marketdata.staff_acts import By
from matching.client.blocking import engine_position
from matching.messages import Command
from trading.fee_tiers.models import VolumeTier

REASON = "seed"
OPERATOR, MAKER, TAKER = "operator@example.org", "maker@example.org", "taker@example.org"
SECOND_OPERATOR = "operator2@example.org"  # Large withdrawals need two.
SHOWN_LOGINS = (OPERATOR, SECOND_OPERATOR, "alice@example.org", "bob@example.org")
KEY_FILES = {MAKER: "market_maker.json", TAKER: "market_taker.json"}

ASSETS = (  # Symbol, name, decimals, blockchain, what the house gets from outside (whole coins).
    ("SOL", "Solana", 9, "Solana", "100000000"),
    ("BTC", "Bitcoin", 8, "Bitcoin", "1000000"),
    ("ETH", "Ethereum", 9, "Ethereum", "10000000"),
    ("USDC", "USD Coin", 6, "Solana", "10000000000"),
)
MARKETS = (  # Symbol, tick, step (also the smallest quantity), position in lists.
    ("SOL_USDC", "0.01", "0.01", 10),
    ("BTC_USDC", "0.1", "0.00001", 20),
    ("ETH_USDC", "0.01", "0.0001", 30),
    ("ETH_BTC", "0.000001", "0.01", 40),
)
TIERS = (  # Tier, traded in thirty days (whole coins of what everything is valued in), maker and taker in percent.
    (1, 50_000, "0.06", "0.09"),
    (2, 1_000_000, "0.04", "0.08"),
    (3, 10_000_000, "0.02", "0.06"),
    (4, 100_000_000, "0", "0.04"),
)
_TRADER = {"USDC": "50000", "SOL": "100", "BTC": "1", "ETH": "10"}
MONEY = {  # Whole coins; the market maker's are its inventory targets.
    "alice@example.org": _TRADER,
    "bob@example.org": _TRADER,
    MAKER: {"USDC": "500000000", "SOL": "500000", "BTC": "2000", "ETH": "40000"},
    TAKER: {"USDC": "100000000", "SOL": "100000", "BTC": "500", "ETH": "10000"},
}


def seed_database() -> None:
    """Rows and files that need no engine."""
    for symbol, name, decimals, blockchain, _ in ASSETS:
        Asset.objects.get_or_create(
            symbol=symbol, defaults={"name": name, "decimals": decimals, "blockchain": blockchain}
        )
    assets = {asset.symbol: asset for asset in Asset.objects.all()}
    for symbol, tick, step, position in MARKETS:
        base, quote = symbol.split("_")
        market, _ = Market.objects.get_or_create(
            symbol=symbol,
            defaults={
                "base": assets[base],
                "quote": assets[quote],
                "tick_size": Decimal(tick),
                "step_size": Decimal(step),
                "min_quantity": Decimal(step),
                "position": position,
            },
        )
        MarketFigures.objects.get_or_create(market=market)
    for tier, volume, *_ in TIERS:
        VolumeTier.objects.get_or_create(tier=tier, defaults={"from_cents": volume * 10**CENTS})
    seed_wallet({symbol: amount for symbol, *_, amount in ASSETS})
    _seed_logins(settings.HOME_DIR / "demo.json")
    for email, file_name in KEY_FILES.items():
        user = User.objects.filter(email=email).first() or services.create_user(email, None)
        account = services.ensure_account(user)
        give_tier(account, MARKET_MAKER)
        _seed_key(account, settings.HOME_DIR / "keys" / file_name)


def seed_engine() -> int:
    """List assets and markets and hand out the demo money; the last outcome number of it. Raises ApiError.

    The engine and the db writer must be running: payments made earlier are recognised by their postings.
    """
    services.wait_for_database(int(engine_position().get("n", "0")))
    for symbol, *_ in ASSETS:
        list_asset(Asset.objects.get(symbol=symbol), reason=REASON)
    for symbol, *_ in MARKETS:
        list_market(Market.objects.select_related("base", "quote").get(symbol=symbol), reason=REASON)
    services.wait_for_database(int(engine_position()["n"]))
    _seed_fees()
    assets = {asset.symbol: asset.spec() for asset in Asset.objects.all()}
    commands: list[Command] = []
    for symbol, _, _, _, amount in ASSETS:
        reference = _house_reference(symbol)
        if not _paid(HOUSE_ACCOUNT_ID, reference):
            units = assets[symbol].parse(amount)
            commands.append(services.fund_command(symbol, units, reference, None, REASON))
    for email, amounts in MONEY.items():
        account = Account.objects.get(user__email=email)
        for symbol, amount in amounts.items():
            credit = Credit(account.pk, symbol, assets[symbol].parse(amount), f"seed:{account.pk}:{symbol}")
            if not _paid(account.pk, credit.reference):
                commands.append(services.credit_command(credit, None, REASON))
    if commands:
        n = max(accepted(answer).n for answer in ask_all(commands))
        services.wait_for_database(n)
    bring_coins_of_earlier_payments([_house_reference(symbol) for symbol, *_ in ASSETS])
    return int(engine_position()["n"])


def _seed_fees() -> None:
    """What the tiers cost, in every market where they cost nothing of their own yet."""
    for market in Market.objects.filter(listed=True):
        in_force = fees_in_force(market)
        for tier, _, maker, taker in TIERS:
            if tier not in in_force:
                set_market_fees(market, maker, taker, By(None, REASON), tier=tier)


def _house_reference(symbol: str) -> str:
    return f"seed:house:{symbol}"


def _paid(account_id: int, reference: str) -> bool:
    return LedgerPosting.objects.filter(account_id=account_id, reference=reference).exists()


def _seed_logins(path: Path) -> None:
    """People who log in. A password already in the file stays valid; a missing one is made anew."""
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    logins = {}
    for email in SHOWN_LOGINS:
        logins[email] = known.get(email) or secrets.token_urlsafe(12)
        user = User.objects.filter(email=email).first()
        if user is None:
            services.create_user(email, logins[email], staff=email in (OPERATOR, SECOND_OPERATOR))
        elif email not in known:
            user.set_password(logins[email])
            user.save(update_fields=["password"])
    if logins != known:
        write_private(path, logins)


def _seed_key(account: Account, path: Path) -> None:
    """The key file of a trading program and its registration. A file that fits its registration stays."""
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if not ApiKey.objects.filter(public_key=kept["public_key"]).exists():
            services.create_api_key(account, kept["public_key"], {"read", "trade"}, path.stem)
        return
    secret = Ed25519PrivateKey.generate()
    public_key = base64.b64encode(secret.public_key().public_bytes_raw()).decode("ascii")
    write_private(
        path, {"public_key": public_key, "secret": base64.b64encode(secret.private_bytes_raw()).decode("ascii")}
    )
    services.create_api_key(account, public_key, {"read", "trade"}, path.stem)


def write_private(path: Path, content: dict[str, str]) -> None:
    """Replace a file by JSON that only its owner may read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    partial.replace(path)
