// Order history and fills, fetched when their tab is looked at.

import { getFills } from "./api.js";
import { getHistory } from "./api_late.js";
import { atLeast, fixed, grouped } from "./decimal.js";
import { byId } from "./dom.js";
import { fillRow } from "./orders.js";
import { common, orderShown, product, whenOf } from "./rows.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

const OPEN = new Set(["New", "PartiallyFilled", "TriggerPending"]);

// `tab` is "history" or "fills"; `again` asks once more after a failure.
export async function fillList(market, tab, again) {
  const history = tab === "history";
  try {
    const rows = await (history ? getHistory() : getFills());
    const shown = history ? rows.filter((row) => !OPEN.has(row.status)) : rows;
    byId(history ? "history-rows" : "fill-rows").replaceChildren(...shown.map((row) => {
      const node = byId(history ? "history-row" : "fill-row").content.firstElementChild.cloneNode(true);
      fillRow(node, history ? orderShown(market, row) : fillShown(market, row));
      return node;
    }));
  } catch (error) {
    toast(history ? t`The history did not load` : t`Fills did not load`, t`${error.message} Your orders are not affected.`, "bad", { label: t`Try again`, run: again });
  }
}

function fillShown(market, fill) {
  const pair = market.pair(fill.symbol);
  return {
    ...common(fill, whenOf(fill.timestamp)), price: grouped(fixed(fill.price, pair.priceDecimals)), amount: grouped(fixed(fill.quantity, pair.quantityDecimals)),
    value: grouped(atLeast(product(fill.price, fill.quantity), 2)), fee: grouped(fill.fee), feeAsset: fill.feeSymbol, role: fill.isMaker ? t`Maker` : t`Taker`, link: `/orders/${fill.orderId}`,
  };
}
