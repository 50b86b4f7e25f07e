// Change an open order where it stands: its figures become fields, Enter sends them, Escape leaves them.

import { amendOrder } from "./api_late.js";
import { entered, fixed, forField } from "./decimal.js";
import { el, say, styled } from "./dom.js";
import { sendOnce } from "./sending.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

await styled("amend");

// `done` hears of the changed order, or null when nothing was changed.
export function edit(market, row, order, done) {
  const pair = market.pair(order.symbol), inputs = new Map();
  const field = (cell, name, label, text, decimals) => {
    const input = el("input", { class: "cell-field", inputmode: "decimal", "aria-label": label, maxlength: "40", value: forField(fixed(text, decimals)) });
    inputs.set(name, { input, before: input.value });
    cell.replaceChildren(input);
    delete cell.dataset.text;
  };
  row.dataset.editing = "yes";
  if (order.triggerPrice) field(row.querySelector("[data-f=trigger]"), "triggerPrice", t`New trigger`, order.triggerPrice, pair.priceDecimals);
  if (order.price) field(row.querySelector("[data-f=price]"), "price", t`New price`, order.price, pair.priceDecimals);
  if (order.quantity) field(row.querySelector("[data-f=amount]"), "quantity", t`New amount`, order.quantity, pair.quantityDecimals);
  const save = el("button", { type: "button", class: "button small primary" }, t`Change`), leave = el("button", { type: "button", class: "button small" }, t`Leave`);
  const buttons = el("span", { class: "edit-actions" }, save, leave);
  row.querySelector(".c-actions").append(buttons);
  const close = (changed) => {
    row.removeEventListener("keydown", keys);
    buttons.remove();
    delete row.dataset.editing;
    done(changed);
    row.querySelector("[data-amend]")?.focus();
  };
  const keys = (event) => {
    if (event.key !== "Escape" && !(event.key === "Enter" && event.target.matches(".cell-field"))) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") close(null);
    else send(market, row, order, inputs, close);
  };
  row.addEventListener("keydown", keys);
  save.addEventListener("click", () => send(market, row, order, inputs, close));
  leave.addEventListener("click", () => close(null));
  say(t`Enter sends the change, Escape leaves the order as it is.`);
  const first = [...inputs.values()][0]?.input;
  first?.focus();
  first?.select();
}

async function send(market, row, order, inputs, close) {
  const change = {};
  for (const [name, { input, before }] of inputs) {
    if (input.value === before) continue;
    const plain = entered(input.value);
    input.toggleAttribute("aria-invalid", plain === null);
    if (plain === null) return input.focus();
    change[name] = plain;
  }
  if (!Object.keys(change).length) return close(null);
  if (row.classList.contains("leaving")) return;
  row.classList.add("leaving");
  try {
    close(await amend(order, change));
  } catch (error) {
    console.warn(`The order stays as it was: ${error.message}`);
    inputs.values().next().value.input.focus();
  } finally {
    row.classList.remove("leaving");
  }
}

// Send a change of an order, and say what became of it. Throws what was refused, after it was told.
export async function amend(order, change) {
  try {
    const changed = await sendOnce(amendOrder, { symbol: order.symbol, orderId: order.id, ...change }, () => say(t`No answer yet. The change is asked after.`));
    say(t`Order changed.`);
    toast(t`Order changed`, order.quantity === changed.quantity || change.price ? t`It stands at the end of the queue of its price.` : "", "good");
    return changed;
  } catch (error) {
    toast(t`Not changed`, error.outcomeUnknown ? t`Nobody could say what became of the change. Look at the order before you send it again.` : error.message, "bad");
    throw error;
  }
}
