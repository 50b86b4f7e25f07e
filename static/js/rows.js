// Objects of the wire as the words and figures of a row. Pure; the same words as `trading/pages/rows.py`.

import { NARROW, UNKNOWN, atLeast, fixed, grouped, padded, toUnits } from "./decimal.js";
import { momentOf } from "./dom.js";

const WIDE = 18;

export function product(a, b) {
  return padded(toUnits(a, WIDE) * toUnits(b, WIDE), 2 * WIDE);
}

export const whenOf = (value) => (typeof value === "number" ? value : Date.parse(`${value}Z`));
const sideWords = (side) => (side === "Bid" ? { side: "Buy", direction: "up" } : { side: "Sell", direction: "down" });

export function common(row, at) {
  return { name: row.symbol.replace("_", "/"), time: momentOf(at), iso: new Date(at).toISOString(), ...sideWords(row.side) };
}

function kindOf(order) {
  const type = order.orderType.toLowerCase();
  const parts = [order.trailingDelta ? `Trailing ${type}` : order.triggerPrice ? `Stop ${type}` : order.orderType];
  if (order.displayQuantity) parts.push("iceberg");
  if (order.postOnly) parts.push("post-only");
  if (order.timeInForce !== "GTC" && order.price) parts.push(order.timeInForce);
  return parts.join(", ");
}

function percentOf(order) {
  if (order.status === "Filled") return 100;
  const whole = order.quantity ? toUnits(order.quantity, WIDE) : 0n;
  return whole ? Number((toUnits(order.executedQuantity, WIDE) * 100n) / whole) : 0;
}

function statusOf(order, percent) {
  switch (order.status) {
    case "New": return ["Open", "you"];
    case "PartiallyFilled": return [`Part filled ${percent}${NARROW}%`, "you"];
    case "Filled": return ["Filled", "up"];
    case "TriggerPending": return ["Waiting", "you"];
    case "Expired": return ["Expired", "warn"];
    case "TriggerFailed": return ["Failed", "warn"];
    default: return ["Cancelled", ""];
  }
}

// What a conditional order waits for.
function triggerOf(order, pair) {
  const shown = (price) => grouped(fixed(price, pair.priceDecimals));
  if (order.trailingDelta) return `by ${shown(order.trailingDelta)}`;
  return order.triggerPrice ? `at ${shown(order.triggerPrice)}` : "";
}

export function orderShown(market, order) {
  const pair = market.pair(order.symbol), percent = percentOf(order);
  const [status, tone] = statusOf(order, percent);
  const value = order.price && order.quantity ? product(order.price, order.quantity) : order.executedQuoteQuantity ?? "0", known = order.price || order.status !== "TriggerPending";
  return {
    ...common(order, whenOf(order.createdAt)), kind: kindOf(order), percent, filled: order.status === "TriggerPending" ? "Waiting" : `${percent}${NARROW}%`, status, tone,
    price: order.price ? grouped(fixed(order.price, pair.priceDecimals)) : "Market", trigger: triggerOf(order, pair), link: `/orders/${order.id}`,
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
