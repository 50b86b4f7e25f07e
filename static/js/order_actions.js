// What a click on an open order does: change it where it stands, take it back, or take back all that are shown.

import { cancelOrder } from "./api_late.js";
import { paint, say } from "./dom.js";
import { late } from "./late.js";
import { unreached } from "./orders.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

// Change price, amount or trigger in the row. The fields are loaded when they are wanted.
export async function amend(orders, row) {
  const order = orders.open.get(row?.dataset.order);
  if (!order || row.dataset.editing) return;
  const { edit } = await late(() => import("./amend.js")).catch(unreached);
  if (!edit) return;
  edit(orders.market, row, order, async (changed) => {
    if (changed) orders.open.set(order.id, { ...order, ...changed });
    paint(orders.draw);
    if (changed) await orders.refresh();
  });
}

export async function cancel(orders, id) {
  const order = orders.open.get(id), row = document.querySelector(`#open-rows tr[data-order="${CSS.escape(id)}"]`);
  if (!order || row?.classList.contains("leaving")) return;
  row?.classList.add("leaving");
  try {
    await cancelOrder(order.symbol, id);
    orders.open.delete(order.id);
    say(t`Order cancelled.`);
    orders.changed();
  } catch (error) {
    row?.classList.remove("leaving");
    toast(t`Not cancelled`, error.code === "RESOURCE_NOT_FOUND" ? t`The order is not open any more.` : error.message, "bad");
    await orders.refresh();
  }
}

// Asks first; what asks is loaded then.
export async function cancelAll(orders) {
  const shown = orders.shownOrders();
  if (!shown.length) return;
  const { cancelled } = await late(() => import("./cancel_all.js")).catch(unreached);
  if (!cancelled) return;
  const gone = await cancelled(shown);
  for (const order of gone ?? []) orders.open.delete(order.id);
  orders.changed();
  if (gone === null) await orders.refresh();
}
