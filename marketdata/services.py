"""Listing assets and markets: saved with an audit entry first, then told to the engine.

`Market.state`, its reason, the limits and the fees in force come back with the engine's events, written by the db
writer; nothing here writes them. What staff decides about a listed market is in `marketdata.rules`.
"""

from django.core.exceptions import ValidationError
from django.db import transaction

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata.engine_calls import EngineRefused, ask
from marketdata.models import Asset, Market, MarketFigures
from marketdata.staff_acts import By, name_of, note
from matching.messages import Command, ListAsset, ListMarket, RefusalReason
from matching.symbols import InvalidNumber


def list_asset(asset: Asset, *, actor: object | None = None, reason: str, ip_address: str | None = None) -> None:
    """Save an asset and make it known to the engine; doing it again is harmless. Raises ApiError."""
    _validate(asset)
    with transaction.atomic():
        asset.save()
        note(By(actor, reason, ip_address), "asset.list", asset.symbol)
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
        note(By(actor, reason, ip_address), "market.list", market.symbol)
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


def _ask_to_list(command: Command) -> None:
    try:
        ask(command)
    except EngineRefused as refused:
        if refused.reason != RefusalReason.ALREADY_LISTED:
            raise


def _validate(row: Asset | Market) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, " ".join(error.messages)) from error
