"""What staff and the treasury do: list assets and markets, change their state and fees, bring money in.

Each function refuses before it changes anything, and returns the reason or None.
"""

from matching.core.balances import HOUSE_ACCOUNT_ID, AssetBook, Balances
from matching.core.fees import PPM
from matching.core.markets import Market
from matching.core.orders import Order
from matching.messages import (
    MAX_INT,
    AccountCredited,
    AssetListed,
    CreditAccount,
    Event,
    FundHouse,
    HouseFunded,
    ListAsset,
    ListMarket,
    MarketFeesChanged,
    MarketListed,
    MarketStateChanged,
    RefusalReason,
    SetMarketFees,
    SetMarketState,
)

MAX_DECIMALS = 12


def list_asset(balances: Balances, cmd: ListAsset, events: list[Event]) -> RefusalReason | None:
    if cmd.symbol in balances.assets:
        return RefusalReason.ALREADY_LISTED
    if not cmd.symbol or not 0 <= cmd.decimals <= MAX_DECIMALS:
        return RefusalReason.INVALID_PARAMETER
    balances.assets[cmd.symbol] = AssetBook(cmd.symbol, cmd.decimals)
    events.append(AssetListed(symbol=cmd.symbol, decimals=cmd.decimals))
    return None


def list_market(
    balances: Balances,
    markets: dict[str, Market],
    open_orders: dict[int, Order],
    cmd: ListMarket,
    events: list[Event],
) -> RefusalReason | None:
    if cmd.symbol in markets:
        return RefusalReason.ALREADY_LISTED
    base, quote = balances.assets.get(cmd.base), balances.assets.get(cmd.quote)
    if base is None or quote is None:
        return RefusalReason.UNKNOWN_ASSET
    sizes = (cmd.base_units_per_lot, cmd.quote_units_per_tick_lot, cmd.min_quantity_lots, cmd.max_open_orders)
    if base is quote or not cmd.symbol or any(not 0 < size <= MAX_INT for size in sizes):
        return RefusalReason.INVALID_PARAMETER
    if not _fees_are_sane(cmd.maker_fee_ppm, cmd.taker_fee_ppm):
        return RefusalReason.INVALID_PARAMETER
    market = Market(cmd.symbol, base, quote, open_orders)
    market.base_units_per_lot = cmd.base_units_per_lot
    market.quote_units_per_tick_lot = cmd.quote_units_per_tick_lot
    market.min_quantity_lots = cmd.min_quantity_lots
    market.max_open_orders = cmd.max_open_orders
    market.maker_fee_ppm = cmd.maker_fee_ppm
    market.taker_fee_ppm = cmd.taker_fee_ppm
    markets[cmd.symbol] = market
    events.append(
        MarketListed(
            symbol=cmd.symbol,
            base=cmd.base,
            quote=cmd.quote,
            base_units_per_lot=cmd.base_units_per_lot,
            quote_units_per_tick_lot=cmd.quote_units_per_tick_lot,
            min_quantity_lots=cmd.min_quantity_lots,
            max_open_orders=cmd.max_open_orders,
            maker_fee_ppm=cmd.maker_fee_ppm,
            taker_fee_ppm=cmd.taker_fee_ppm,
        )
    )
    return None


def _fees_are_sane(maker_ppm: int, taker_ppm: int) -> bool:
    return 0 <= maker_ppm < PPM and 0 <= taker_ppm < PPM


def set_market_state(markets: dict[str, Market], cmd: SetMarketState, events: list[Event]) -> RefusalReason | None:
    market = markets.get(cmd.market)
    if market is None:
        return RefusalReason.UNKNOWN_MARKET
    market.state = cmd.state
    events.append(MarketStateChanged(market=cmd.market, state=cmd.state, actor=cmd.actor, reason=cmd.reason))
    return None


def set_market_fees(markets: dict[str, Market], cmd: SetMarketFees, events: list[Event]) -> RefusalReason | None:
    market = markets.get(cmd.market)
    if market is None:
        return RefusalReason.UNKNOWN_MARKET
    if not _fees_are_sane(cmd.maker_fee_ppm, cmd.taker_fee_ppm):
        return RefusalReason.INVALID_PARAMETER
    market.maker_fee_ppm = cmd.maker_fee_ppm
    market.taker_fee_ppm = cmd.taker_fee_ppm
    events.append(
        MarketFeesChanged(
            market=cmd.market,
            maker_fee_ppm=cmd.maker_fee_ppm,
            taker_fee_ppm=cmd.taker_fee_ppm,
            actor=cmd.actor,
            reason=cmd.reason,
        )
    )
    return None


def fund_house(balances: Balances, cmd: FundHouse, events: list[Event]) -> RefusalReason | None:
    """Money from outside. The only command that makes an asset's total grow."""
    asset = balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    if asset.funded_units + cmd.units > MAX_INT:
        return RefusalReason.SUPPLY_TOO_LARGE
    row = asset.row(HOUSE_ACCOUNT_ID)
    balances.touch(row)
    row.available += cmd.units
    asset.funded_units += cmd.units
    asset.drift_units -= cmd.units
    events.append(HouseFunded(asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return None


def credit_account(balances: Balances, cmd: CreditAccount, events: list[Event]) -> RefusalReason | None:
    """The house pays an account, out of what it has."""
    asset = balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    if not 0 < cmd.account_id <= MAX_INT or cmd.account_id == HOUSE_ACCOUNT_ID:
        return RefusalReason.INVALID_PARAMETER
    house = asset.row(HOUSE_ACCOUNT_ID)
    if house.available < cmd.units:
        return RefusalReason.HOUSE_FUNDS_TOO_SMALL
    row = asset.row(cmd.account_id)
    balances.touch(house)
    balances.touch(row)
    house.available -= cmd.units
    row.available += cmd.units
    events.append(AccountCredited(account_id=cmd.account_id, asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return None
