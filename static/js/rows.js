// Objects of the wire as the words and figures of a row. Pure; the same words as `trading/pages/rows.py`.

import { NARROW, atLeast, fixed, grouped, padded, toUnits } from "./decimal.js";
import { momentOf } from "./dom.js";

const WIDE = 18;

function product(a, b) {
  return padded(toUnits(a, WIDE) * toUnits(b, WIDE), 2 * WIDE);
}

const whenOf = (value) => (typeof value === "number" ? value : Date.parse(`${value}Z`));
const sideWords = (side) => (side === "Bid" ? { side: "Buy", direction: "up" } : { side: "Sell", direction: "down" });

function common(row, at) {
  return { name: row.symbol.replace("_", "/"), time: momentOf(at), iso: new Date(at).toISOString(), ...sideWords(row.side) };
}

function kindOf(order) {
  const parts = [order.orderType];
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

// The limit, and of a conditional order what it waits for.
function priceOf(order, pair) {
  const shown = (price) => grouped(fixed(price, pair.priceDecimals));
  const text = order.price ? shown(order.price) : "Market";
  if (order.trailingDelta) return `${text}, trails ${shown(order.trailingDelta)}`;
  return order.triggerPrice ? `${text}, trigger ${shown(order.triggerPrice)}` : text;
}

export function orderShown(market, order) {
  const pair = market.pair(order.symbol), percent = percentOf(order);
  const [status, tone] = statusOf(order, percent);
  const value = order.price && order.quantity ? product(order.price, order.quantity) : order.executedQuoteQuantity ?? "0";
  return {
    ...common(order, whenOf(order.createdAt)), kind: kindOf(order), percent, filled: `${percent}${NARROW}%`, status, tone,
    price: priceOf(order, pair),
    amount: grouped(fixed(order.quantity ?? order.executedQuantity, pair.quantityDecimals)),
    value: grouped(atLeast(value, 2)),
  };
}

export function fillShown(market, fill) {
  const pair = market.pair(fill.symbol);
  return {
    ...common(fill, whenOf(fill.timestamp)), price: grouped(fixed(fill.price, pair.priceDecimals)), amount: grouped(fixed(fill.quantity, pair.quantityDecimals)),
    value: grouped(atLeast(product(fill.price, fill.quantity), 2)), fee: grouped(fill.fee), feeAsset: fill.feeSymbol, role: fill.isMaker ? "Maker" : "Taker",
  };
}

// `money`: {available, locked} as the wire writes them.
export function balanceShown(money) {
  const total = padded(toUnits(money.available, WIDE) + toUnits(money.locked, WIDE), WIDE);
  const text = (amount) => grouped(atLeast(amount, 2));
  return { available: text(money.available), locked: text(money.locked), total: text(total) };
}
