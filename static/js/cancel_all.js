// Take back many orders at once: the question, what becomes available, and what became of it.

import { cancelAll } from "./api.js";
import { grouped, toUnits, trimmed } from "./decimal.js";
import { confirmed } from "./dom.js";
import { toast } from "./toasts.js";

const WIDE = 18;

// The orders that are gone; [] when the reader keeps them, null when it is not known.
export async function cancelled(orders) {
  const symbols = [...new Set(orders.map((order) => order.symbol))];
  const where = symbols.length === 1 ? symbols[0].replace("_", "/") : `${symbols.length} markets`;
  const count = orders.length === 1 ? "1 order" : `${orders.length} orders`;
  if (!(await confirmed(`Cancel ${count} in ${where}?`, heldBy(orders), `Cancel ${count}`, "Keep them"))) return [];
  try {
    const gone = (await Promise.all(symbols.map(cancelAll))).flat();
    toast(`${gone.length} ${gone.length === 1 ? "order" : "orders"} cancelled`, "", "good");
    return gone;
  } catch (error) {
    toast("Not all were cancelled", error.message, "bad");
    return null;
  }
}

// What becomes available when these orders are gone, by asset.
function heldBy(orders) {
  const sums = new Map();
  for (const order of orders) {
    if (order.status === "TriggerPending" || !order.quantity) continue;
    const [base, quote] = order.symbol.split("_"), buys = order.side === "Bid", asset = buys ? quote : base;
    const left = toUnits(order.quantity, WIDE) - toUnits(order.executedQuantity, WIDE);
    const units = buys ? (left * toUnits(order.price, WIDE)) / 10n ** BigInt(WIDE) : left;
    sums.set(asset, (sums.get(asset) ?? 0n) + units);
  }
  if (!sums.size) return "They hold no money.";
  return `${[...sums].map(([asset, units]) => `${grouped(trimmed(units, WIDE, 2))} ${asset}`).join(" and ")} become available.`;
}
