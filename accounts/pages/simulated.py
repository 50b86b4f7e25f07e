"""A page that drives the simulated chains, in demo mode: what the world outside does to a wallet, button by button."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.models import Account
from accounts.pages.wallet import of_account
from accounts.wallet import deposits
from accounts.wallet.models import AssetNetwork, Deposit
from accounts.wallet.simulated.chain import Simulated
from accounts.wallet.simulated.models import SimulatedChain, SimulatedTransaction
from accounts.wallet.simulated.network import Network, SimulationError
from accounts.wallet.wake import SCAN, wake
from exchange_site.kernel.speech import told
from matching.symbols import InvalidNumber

MAILS_SHOWN = 3
MAIL_SHOWN_BYTES = 4_000


@require_http_methods(["GET", "HEAD", "POST"])
@of_account
def page(request: HttpRequest, owner: Account) -> HttpResponse:
    """Everybody may press these in a demo; with real money there is no such page."""
    chains = [name for name, kind in settings.WALLET_CHAINS.items() if kind == "simulated"]
    if not settings.DEMO_MODE or not chains:
        raise Http404("There is no simulated chain here.")
    blockchain = request.POST.get("chain") or request.GET.get("chain") or chains[0]
    if blockchain not in chains:
        raise Http404("There is no such simulated chain.")
    if request.method == "POST":
        try:
            messages.success(request, _act(owner, blockchain, request.POST))
        except (SimulationError, InvalidNumber, ValueError) as error:
            messages.error(request, told(str(error)))
        wake(SCAN)  # Web processes have no right to write the wallet's ledger; Celery has.
        wake()
        return redirect(f"{request.path}?chain={blockchain}")
    return render(request, "accounts/wallet_simulated.html", _context(request, owner, blockchain, chains))


def _act(owner: Account, blockchain: str, form: Any) -> str:
    network, what = Network(blockchain), form.get("do")
    if what == "send":
        networks = AssetNetwork.objects.filter(blockchain=blockchain).select_related("asset")
        row = networks.filter(asset__symbol=form.get("asset", "").replace("\0", "")).first()
        if row is None:
            raise SimulationError("This chain does not carry that asset.")
        spec, texts = row.asset.spec(), [form.get(name, "").replace("\0", "").strip() for name in ("address", "memo")]
        address = texts[0][:128] or deposits.address_of(owner, blockchain).address
        network.send(address, spec.symbol, spec.parse(form.get("amount", "")), memo=texts[1][:64])
        return gettext("Sent; it waits for a block.")
    if what == "mine":
        return gettext("Block {number} is found.").format(number=network.mine(_number(form)))
    if what == "reorganise":
        return gettext("Reorganised; the best block is {number}.").format(number=network.reorganise(_number(form)))
    if what == "double":
        newest = Deposit.objects.filter(account=owner, blockchain=blockchain, on_chain=True, block_height__gt=0)
        row = newest.order_by("-pk").first()
        if row is None or row.block_height is None:
            raise SimulationError("You have no deposit in a block that could be spent twice.")
        depth = SimulatedChain.objects.get(pk=blockchain).height - row.block_height + 1
        network.reorganise(depth, double=row.transaction_hash)
        return gettext("Your newest deposit was spent elsewhere, in a longer branch.")
    raise SimulationError("Nothing was asked for.")


def _number(form: Any) -> int:
    text = form.get("number", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise SimulationError("The number of blocks must be a whole number.")
    return int(text)


def _context(request: HttpRequest, owner: Account, blockchain: str, chains: list[str]) -> dict[str, Any]:
    transactions = SimulatedTransaction.objects.filter(chain_id=blockchain, evicted=False).select_related("block")
    networks = AssetNetwork.objects.filter(blockchain=blockchain).select_related("asset")
    chain = Simulated(blockchain)
    held = [(row.asset.symbol, row.asset.spec().format(chain.held_units(row.asset.symbol))) for row in networks]
    return {
        "section": "wallet",
        "chains": chains,
        "blockchain": blockchain,
        "assets": [row.asset.symbol for row in networks],
        "height": SimulatedChain.objects.get_or_create(pk=blockchain)[0].height,
        "transactions": transactions.prefetch_related("outputs").order_by("-seen_at")[:15],
        "held": held,
        "common": chain.wallet_address(),
        "memo": deposits.memo_of(owner),
        "mails": _mails(owner),
    }


def _mails(owner: Account) -> list[str]:
    """The newest mails to this person: on a laptop nobody has a mailbox."""
    folder = Path(getattr(settings, "EMAIL_FILE_PATH", "") or "/nonexistent")
    assert owner.user is not None, "only people have a page"
    found = []
    for path in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)[:30]:
        text = path.read_text(encoding="utf-8", errors="replace")
        if f"To: {owner.user.email}\n" in text:
            found.append(text.partition("\n\n")[2][:MAIL_SHOWN_BYTES].rstrip("-\n"))
    return found[:MAILS_SHOWN]
