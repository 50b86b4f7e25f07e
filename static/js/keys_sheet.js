// The sheet of keys, and what this browser should do on the trading page.

import { byId, el, styled } from "./dom.js";
import { prefs, remember } from "./prefs.js";

const SHEET = [
  ["B", "Buy"], ["S", "Sell"], ["P", "Price"], ["A", "Amount"], ["T", "Total"], ["L", "Limit order"], ["M", "Market order"],
  ["Enter", "Send the order"], ["1 \u2026 9", "Interval of the chart"], ["/", "Find a market"], ["O", "Open orders"], ["H", "Order history"], ["F", "Fills"],
  ["J", "Next order"], ["K", "Order before"], ["C", "Cancel the order"], ["E", "Amend the order"], ["Shift X", "Cancel all, asks"],
  ["G M", "Markets"], ["G W", "Wallet"], ["G P", "Portfolio"], ["G T", "Trade"], ["Esc", "Close, or leave the field"], ["?", "This sheet"],
];
const LIMITS = [
  ["farPercent", "Ask when a price is worse than the best by"], ["slippagePercent", "Ask when slippage is over"],
  ["depthPercent", "Ask when an order takes of the book"], ["balancePercent", "Ask when a market order takes of the balance"],
];

let dialog = null;

export async function openSheet() {
  await styled("keys_sheet");
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
  const close = el("button", { class: "button primary", value: "close" }, "Close");
  const form = el("form", { method: "dialog" }, el("h2", { id: "keys-title" }, "Keys"), el("dl", {}, ...rows), el("h2", {}, "On this page"),
    el("div", { class: "limits" }, ...LIMITS.map(limit)), el("div", { class: "dialog-actions" }, box("keys", "Keys on"), box("sound", "Sound on fills"), close));
  const made = el("dialog", { class: "dialog keys", "aria-labelledby": "keys-title" }, form);
  byId("ask").after(made);
  return made;
}
