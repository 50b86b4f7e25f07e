// The sheet of keys, and what this browser should do on the trading page.

import { byId, el, styled } from "./dom.js";
import { prefs, remember } from "./prefs.js";
import { t } from "./speech.js";

const SHEET = [
  ["B", t`Buy`], ["S", t`Sell`], ["P", t`Price`], ["A", t`Amount`], ["T", t`Total`], ["L", t`Limit order`], ["M", t`Market order`],
  ["Enter", t`Send the order`], ["1 \u2026 9", t`Interval of the chart`], ["/", t`Find a market`], ["O", t`Open orders`], ["H", t`Order history`], ["F", t`Fills`],
  ["J", t`Next order`], ["K", t`Order before`], ["C", t`Cancel the order`], ["E", t`Amend the order`], ["Shift X", t`Cancel all, asks`],
  ["G M", t`Markets`], ["G W", t`Wallet`], ["G P", t`Portfolio`], ["G T", t`Trade`], ["Esc", t`Close, or leave the field`], ["?", t`This sheet`],
];
const LIMITS = [
  ["farPercent", t`Ask when a price is worse than the best by`], ["slippagePercent", t`Ask when slippage is over`],
  ["depthPercent", t`Ask when an order takes of the book`], ["balancePercent", t`Ask when a market order takes of the balance`],
];

let dialog = null;

export async function openSheet() {
  await Promise.all([styled("dialog"), styled("keys_sheet")]);
  dialog ??= make();
  dialog.showModal();
  dialog.querySelector(".primary").focus();
}

function make() {
  const rows = SHEET.map(([keys, what]) => el("div", {}, el("dt", {}, ...keys.split(" ").flatMap((key) => (key === "\u2026" ? [" \u2026 "] : [el("kbd", {}, key), " "]))), el("dd", {}, what)));
  const box = (name, label) => {
    const input = el("input", { type: "checkbox", checked: prefs[name] });
    input.addEventListener("change", () => remember({ [name]: input.checked }));
    return el("label", { class: "check" }, input, el("span", {}, label));
  };
  const limit = ([name, label]) => {
    const input = el("input", { inputmode: "numeric", maxlength: "3", value: String(prefs[name]) });
    input.addEventListener("change", () => {
      const wanted = /^\d{1,3}$/.test(input.value) ? Math.min(100, Math.max(1, Number(input.value))) : prefs[name];
      input.value = String(wanted);
      remember({ [name]: wanted });
    });
    return el("label", { class: "limit" }, el("span", {}, label), input, el("span", {}, "%"));
  };
  const close = el("button", { class: "button primary", value: "close" }, t`Close`);
  const form = el("form", { method: "dialog" }, el("h2", { id: "keys-title" }, t`Keys`), el("dl", {}, ...rows), el("h2", {}, t`On this page`),
    el("div", { class: "limits" }, ...LIMITS.map(limit)), el("div", { class: "dialog-actions" }, box("keys", t`Keys on`), box("sound", t`Sound on fills`), close));
  const made = el("dialog", { class: "dialog keys", "aria-labelledby": "keys-title" }, form);
  byId("ask").after(made);
  return made;
}
