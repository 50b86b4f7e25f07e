"""Staff decisions about assets and markets: saved with an audit entry first, then told to the engine.

The engine's answer is what counts. `Market.state`, its reason and the fees in force come back with the engine's events,
written by the db writer; nothing here writes them.
"""

import uuid

from django.core.exceptions import ValidationError
from django.db import transaction

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata.engine_calls import EngineRefused, ask
from marketdata.models import MAX_FEE_PPM, Asset, Market, MarketFigures
from marketdata.signals import staff_acted
from matching.messages import (
    Command,
    ListAsset,
    ListMarket,
    MarketState,
    RefusalReason,
    SetMarketFees,
    SetMarketState,
)
from matching.symbols import InvalidNumber

ENGINE_ITSELF = "manage.py"  # The actor's name where a command line acts.


def list_asset(asset: Asset, *, actor: object | None = None, reason: str, ip_address: str | None = None) -> None:
    """Save an asset and make it known to the engine; doing it again is harmless. Raises ApiError."""
    _validate(asset)
    with transaction.atomic():
        asset.save()
        _note(actor, "asset.list", asset.symbol, reason, "", ip_address)
    command = ListAsset(symbol=asset.symbol, decimals=asset.decimals, actor=name_of(actor), reason=reason)
    _ask_to_list(command)


def list_market(market: Market, *, actor: object | None = None, reason: str, ip_address: str | None = None) -> None:
    """Save a market and open it in the engine; doing it again is harmless. Raises ApiError.

    Its assets must be listed. Tick, step and symbol cannot change afterwards.
    """
    _validate(market)
    try:
        spec = market.spec()
    except InvalidNumber as error:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, str(error)) from error
    with transaction.atomic():
        if market.pk is None:
            market.save()
        MarketFigures.objects.get_or_create(market=market)
        _note(actor, "market.list", market.symbol, reason, "", ip_address)
    _ask_to_list(
        ListMarket(
            symbol=market.symbol,
            base=market.base.symbol,
            quote=market.quote.symbol,
            base_units_per_lot=spec.base_units_per_lot,
            quote_units_per_tick_lot=spec.quote_units_per_tick_lot,
            min_quantity_lots=spec.min_quantity_lots,
            max_open_orders=market.max_open_orders,
            maker_fee_ppm=market.maker_fee_ppm,
            taker_fee_ppm=market.taker_fee_ppm,
            actor=name_of(actor),
            reason=reason,
        )
    )
    Market.objects.filter(pk=market.pk).update(listed=True)  # Only ever becomes true, so it cannot race the db writer.
    market.listed = True


def set_market_state(
    market: Market, state: MarketState, *, actor: object | None = None, reason: str, ip_address: str | None = None
) -> int:
    """Halt (CancelOnly), restrict or reopen a market; the outcome number of the change. Raises ApiError."""
    command = SetMarketState(
        market=market.symbol, state=state, actor=name_of(actor), reason=_reason(reason), idempotency_key=_new_key()
    )
    return _decide(command, actor, "market.state", f"{market.symbol}: {state}", ip_address)


def set_market_fees(
    market: Market,
    maker_fee_ppm: int,
    taker_fee_ppm: int,
    *,
    actor: object | None = None,
    reason: str,
    ip_address: str | None = None,
) -> int:
    """New fees for orders accepted from then on; the outcome number of the change. Raises ApiError."""
    if not (0 <= maker_fee_ppm <= MAX_FEE_PPM and 0 <= taker_fee_ppm <= MAX_FEE_PPM):
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"A fee must be 0 to {MAX_FEE_PPM} parts per million")
    command = SetMarketFees(
        market=market.symbol,
        maker_fee_ppm=maker_fee_ppm,
        taker_fee_ppm=taker_fee_ppm,
        actor=name_of(actor),
        reason=_reason(reason),
        idempotency_key=_new_key(),
    )
    subject = f"{market.symbol}: maker {maker_fee_ppm} ppm, taker {taker_fee_ppm} ppm"
    return _decide(command, actor, "market.fees", subject, ip_address)


def name_of(actor: object | None) -> str:
    """How the engine's log names who acted."""
    return ENGINE_ITSELF if actor is None else str(actor)[:128]


def _decide(
    command: SetMarketState | SetMarketFees, actor: object | None, action: str, subject: str, ip_address: str | None
) -> int:
    """The wish is on record before it is sent, and so is its failure."""
    key = command.idempotency_key or ""
    _note(actor, action, subject, command.reason, key, ip_address)
    try:
        return ask(command).n
    except ApiError as error:
        _note(actor, f"{action}.failed", subject, f"{error.kind.code}: {error.message}", key, ip_address)
        raise


def _ask_to_list(command: Command) -> None:
    try:
        ask(command)
    except EngineRefused as refused:
        if refused.reason != RefusalReason.ALREADY_LISTED:
            raise


def _note(
    actor: object | None, action: str, subject: str, reason: str, command_id: str, ip_address: str | None
) -> None:
    staff_acted.send(
        sender=None,
        actor=actor,
        action=action,
        subject=subject,
        reason=_reason(reason),
        command_id=command_id,
        ip_address=ip_address,
    )


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "A reason must be given")
    return reason[:256]


def _new_key() -> str:
    return uuid.uuid4().hex


def _validate(row: Asset | Market) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, " ".join(error.messages)) from error
