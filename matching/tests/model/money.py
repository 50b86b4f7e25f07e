"""Who has what: balances, reservations of orders, and who pays what in a trade."""

from matching.messages import MAX_INT, RefusalReason
from matching.tests.model.records import Market, Order, Refuse

HOUSE, FEES = 1, 2


def ceil_div(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


class Money:
    def __init__(self) -> None:
        self.assets: list[str] = []
        self.available: dict[tuple[int, str], int] = {}
        self.locked: dict[tuple[int, str], int] = {}

    def free(self, account_id: int, asset: str) -> int:
        return self.available.get((account_id, asset), 0)

    def give(self, account_id: int, asset: str, units: int) -> None:
        self.available[account_id, asset] = self.free(account_id, asset) + units

    def lock(self, account_id: int, asset: str, units: int) -> None:
        """From available to locked; back when negative."""
        self.give(account_id, asset, -units)
        self.take_locked(account_id, asset, -units)

    def take_locked(self, account_id: int, asset: str, units: int) -> None:
        self.locked[account_id, asset] = self.locked.get((account_id, asset), 0) - units

    def supply(self, asset: str) -> int:
        held = [*self.available.items(), *self.locked.items()]
        return sum(units for (_account_id, name), units in held if name == asset)

    def enter(self, account_id: int, asset: str, units: int) -> None:
        """Money comes from outside the venue."""
        self.check(asset, units)
        if self.supply(asset) + units > MAX_INT:
            raise Refuse(RefusalReason.SUPPLY_TOO_LARGE)
        self.give(account_id, asset, units)

    def pay(self, payer: int, payee: int | None, asset: str, units: int, shortage: RefusalReason) -> None:
        """Free money from one account to another or (None) out of the venue."""
        self.check(asset, units)
        if self.free(payer, asset) < units:
            raise Refuse(shortage)
        self.give(payer, asset, -units)
        if payee is not None:
            self.give(payee, asset, units)

    def check(self, asset: str, units: int) -> None:
        if asset not in self.assets:
            raise Refuse(RefusalReason.UNKNOWN_ASSET)
        if not 0 < units <= MAX_INT:
            raise Refuse(RefusalReason.INVALID_QUANTITY)

    def rows(self) -> dict[tuple[int, str], tuple[int, int]]:
        """(available, locked) of whoever has anything."""
        keys = set(self.available) | set(self.locked)
        rows = {key: (self.available.get(key, 0), self.locked.get(key, 0)) for key in keys}
        return {key: row for key, row in rows.items() if row != (0, 0)}


def reservation(market: Market, order: Order) -> tuple[str, int]:
    """What a resting order keeps locked."""
    if order.is_bid:
        return market.listing.quote, market.notional(order.price, order.left)
    return market.listing.base, order.left * market.listing.base_units_per_lot


def settle(money: Money, market: Market, maker: Order, taker: Order, price: int, lots: int) -> tuple[int, int]:
    """Move a trade's money, count the lots as executed, and return the maker's and the taker's fee."""
    quote, base = market.notional(price, lots), lots * market.listing.base_units_per_lot
    for order in (maker, taker):
        asset = market.listing.quote if order.is_bid else market.listing.base
        if order.resting:
            reserved = market.notional(order.price, lots) if order.is_bid else base
            money.lock(order.account_id, asset, -reserved)
        money.give(order.account_id, asset, -(quote if order.is_bid else base))
        order.executed_lots += lots
        order.executed_quote += quote
    taker_asset, taker_gets = (market.listing.base, base) if taker.is_bid else (market.listing.quote, quote)
    maker_asset, maker_gets = (market.listing.quote, quote) if taker.is_bid else (market.listing.base, base)
    taker_fee = ceil_div(taker_gets * taker.taker_ppm, 1_000_000)
    money.give(taker.account_id, taker_asset, taker_gets - taker_fee)
    money.give(FEES, taker_asset, taker_fee)
    if maker.maker_ppm >= 0:
        maker_fee = ceil_div(maker_gets * maker.maker_ppm, 1_000_000)
        money.give(maker.account_id, maker_asset, maker_gets - maker_fee)
        money.give(FEES, maker_asset, maker_fee)
    else:
        rebate = min(taker_gets * -maker.maker_ppm // 1_000_000, taker_fee)
        maker_fee = -rebate
        money.give(maker.account_id, maker_asset, maker_gets)
        money.give(maker.account_id, taker_asset, rebate)
        money.give(FEES, taker_asset, -rebate)
    buyer, fee = (taker, taker_fee) if taker.is_bid else (maker, max(0, maker_fee))
    buyer.base_fee_units += fee
    return maker_fee, taker_fee
