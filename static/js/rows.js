// Objects of the wire as the words and figures of a row. Pure; the same words as `trading/pages/rows.py`.

import { NARROW, UNKNOWN, atLeast, fixed, grouped, padded, toUnits } from "./decimal.js";
import { momentOf } from "./dom.js";
import { t } from "./speech.js";

const WIDE = 18;

export function product(a, b) {
  return padded(toUnits(a, WIDE) * toUnits(b, WIDE), 2 * WIDE);
}

export const whenOf = (value) => (typeof value === "number" ? value : Date.parse(`${value}Z`));
const sideWords = (side) => (side === "Bid" ? { side: t`Buy`, direction: "up" } : { side: t`Sell`, direction: "down" });

export function common(row, at) {
  return { name: row.symbol.replace("_", "/"), time: momentOf(at), iso: new Date(at).toISOString(), ...sideWords(row.side) };
}

function kindOf(order) {
  const limit = order.orderType === "Limit", stop = limit ? t`Stop limit` : t`Stop market`, trailing = limit ? t`Trailing limit` : t`Trailing market`;
  const parts = [order.trailingDelta ? trailing : order.triggerPrice ? stop : limit ? t`Limit` : t`Market`];
  if (order.displayQuantity) parts.push(t`iceberg`);
  if (order.postOnly) parts.push(t`post-only`);
  if (order.timeInForce !== "GTC" && order.price) parts.push(order.timeInForce);
  return parts.join(", ");
}

function percentOf(order) {
  if (order.status === "Filled") return 100;
  const whole = order.quantity ? toUnits(order.quantity, WIDE) : 0n;
  return whole ? Number((toUnits(order.executedQuantity, WIDE) * 100n) / whole) : 0;
}

// What a conditional order waits for.
function triggerOf(order, pair) {
  const shown = (price) => grouped(fixed(price, pair.priceDecimals));
  if (order.trailingDelta) return t`by ${shown(order.trailingDelta)}`;
  return order.triggerPrice ? t`at ${shown(order.triggerPrice)}` : "";
}

export function orderShown(market, order) {
  const pair = market.pair(order.symbol), percent = percentOf(order);
  const value = order.price && order.quantity ? product(order.price, order.quantity) : order.executedQuoteQuantity ?? "0", known = order.price || order.status !== "TriggerPending";
  return {
    ...common(order, whenOf(order.createdAt)), kind: kindOf(order), percent, filled: order.status === "TriggerPending" ? t`Waiting` : `${percent}${NARROW}%`,
    price: order.price ? grouped(fixed(order.price, pair.priceDecimals)) : t`Market`, trigger: triggerOf(order, pair), link: `/orders/${order.id}`,
    amount: grouped(fixed(order.quantity ?? order.executedQuantity, pair.quantityDecimals)),
    value: known ? grouped(atLeast(value, 2)) : UNKNOWN,
  };
}

// `money`: {available, locked} as the wire writes them.
export function balanceShown(money) {
  const total = padded(toUnits(money.available, WIDE) + toUnits(money.locked, WIDE), WIDE);
  const text = (amount) => grouped(atLeast(amount, 2));
  return { available: text(money.available), locked: text(money.locked), total: text(total) };
}
