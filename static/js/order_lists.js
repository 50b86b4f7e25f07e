// Order history and fills, fetched when their tab is looked at.

import { getFills } from "./api.js";
import { getHistory } from "./api_late.js";
import { NARROW, atLeast, fixed, grouped } from "./decimal.js";
import { all, byId, cloned, paint } from "./dom.js";
import { fillRow } from "./orders.js";
import { common, orderShown, product, whenOf } from "./rows.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

const OPEN = new Set(["New", "PartiallyFilled", "TriggerPending"]);

// Show the list of a tab, and remember it in the address.
export function show(orders, tab) {
  orders.tab = tab;
  for (const link of all(".orders-panel [data-tab]")) {
    if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const address = new URL(location.href);
  address.searchParams.set("tab", tab);
  history.replaceState(null, "", address);
  for (const table of all("[data-list]")) table.hidden = table.dataset.list !== tab;
  byId("orders-box").scrollTop = 0;
  paint(orders.draw);
  orders.reloadTab();
}

// `tab` is "history" or "fills"; `again` asks once more after a failure.
export async function fillList(market, tab, again) {
  const past = tab === "history";
  try {
    const rows = await (past ? getHistory() : getFills());
    const shown = past ? rows.filter((row) => !OPEN.has(row.status)) : rows;
    byId(past ? "history-rows" : "fill-rows").replaceChildren(...shown.map((row) => {
      const node = cloned(past ? "history-row" : "fill-row");
      fillRow(node, past ? endedShown(market, row) : fillShown(market, row));
      return node;
    }));
  } catch (error) {
    toast(past ? t`The history did not load` : t`Fills did not load`, t`${error.message} Your orders are not affected.`, "bad", { label: t`Try again`, run: again });
  }
}

function fillShown(market, fill) {
  const pair = market.pair(fill.symbol);
  return {
    ...common(fill, whenOf(fill.timestamp)), price: grouped(fixed(fill.price, pair.priceDecimals)), amount: grouped(fixed(fill.quantity, pair.quantityDecimals)),
    value: grouped(atLeast(product(fill.price, fill.quantity), 2)), fee: grouped(fill.fee), feeAsset: fill.feeSymbol, role: fill.isMaker ? t`Maker` : t`Taker`, link: `/orders/${fill.orderId}`,
  };
}

// A row of the history: an order with what became of it.
export function endedShown(market, order) {
  const shown = orderShown(market, order), [status, tone] = statusOf(order, shown.percent);
  return { ...shown, status, tone };
}

function statusOf(order, percent) {
  switch (order.status) {
    case "New": return [t`Open`, "you"];
    case "PartiallyFilled": return [t`Part filled ${percent}${NARROW}%`, "you"];
    case "Filled": return [t`Filled`, "up"];
    case "TriggerPending": return [t`Waiting`, "you"];
    case "Expired": return [t`Expired`, "warn"];
    case "TriggerFailed": return [t`Failed`, "warn"];
    default: return [t`Cancelled`, ""];
  }
}
