// Take back many orders at once: the question, what becomes available, and what became of it.

import { cancelAll } from "./api_late.js";
import { confirmed } from "./ask.js";
import { grouped, toUnits, trimmed } from "./decimal.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

const WIDE = 18;

// The orders that are gone; [] when the reader keeps them, null when it is not known.
export async function cancelled(orders) {
  const symbols = [...new Set(orders.map((order) => order.symbol))];
  const where = symbols.length === 1 ? symbols[0].replace("_", "/") : t`${symbols.length} markets`;
  const count = orders.length === 1 ? t`1 order` : t`${orders.length} orders`;
  if (!(await confirmed(t`Cancel ${count} in ${where}?`, heldBy(orders), t`Cancel ${count}`, t`Keep them`))) return [];
  try {
    const gone = (await Promise.all(symbols.map(cancelAll))).flat();
    toast(gone.length === 1 ? t`1 order cancelled` : t`${gone.length} orders cancelled`, "", "good");
    return gone;
  } catch (error) {
    toast(t`Not all were cancelled`, error.message, "bad");
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
  if (!sums.size) return t`They hold no money.`;
  const free = [...sums].map(([asset, units]) => `${grouped(trimmed(units, WIDE, 2))} ${asset}`).join(t` and `);
  return t`${free} become available.`;
}
