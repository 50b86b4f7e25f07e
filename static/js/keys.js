// Keys of the trading page, off while typing, and the sheet that lists them.

import { all, byId, el } from "./dom.js";

const SHEET = [
  ["B", "Buy"], ["S", "Sell"], ["P", "Price"], ["A", "Amount"], ["T", "Total"], ["L", "Limit order"], ["M", "Market order"],
  ["Enter", "Send the order"], ["1 \u2026 7", "Interval of the chart"], ["/", "Find a market"], ["O", "Open orders"], ["H", "Order history"],
  ["F", "Fills"], ["Shift X", "Cancel all, asks"], ["Esc", "Close, or leave the field"], ["?", "This sheet"],
];

function choose(name, value) {
  const input = byId("order-form").querySelector(`[name=${name}][value=${value}]`);
  input.checked = true;
  input.dispatchEvent(new Event("change"));
}

const field = (id) => (views) => {
  const input = byId(id);
  if (views.phone()) views.show("trade");
  if (!input.offsetParent) return; // A market order has no price.
  input.focus();
  input.select();
};

const tab = (name) => (views) => {
  if (views.phone()) views.show("orders");
  document.querySelector(`[data-tab=${name}]`).click();
};

const KEYS = {
  b: () => choose("side", "buy"),
  s: () => choose("side", "sell"),
  m: () => choose("type", "market"),
  l: () => choose("type", "limit"),
  p: field("price"),
  a: field("amount"),
  t: field("total"),
  o: tab("open"),
  h: tab("history"),
  f: tab("fills"),
};

export function enhanceKeys(views, cancelAll) {
  let on = localStorage.getItem("keys") !== "off";
  const sheet = makeSheet(on, (wanted) => {
    on = wanted;
    localStorage.setItem("keys", on ? "on" : "off");
  });
  document.addEventListener("keydown", (event) => {
    const { target } = event, key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return document.activeElement?.blur?.();
    if (!on || target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select")) return;
    const act = event.key === "?" ? sheet : event.shiftKey ? key === "x" && cancelAll : KEYS[key] ?? interval(key);
    if (!act) return;
    event.preventDefault();
    act(views);
  });
}

function interval(key) {
  const link = /^[1-9]$/.test(key) ? all("[data-interval]")[Number(key) - 1] : null;
  return link && (() => link.click());
}

// Answers a function that opens the sheet; a button in the status line does so too.
function makeSheet(on, onswitch) {
  const box = el("input", { type: "checkbox", checked: on });
  box.addEventListener("change", () => onswitch(box.checked));
  const rows = SHEET.map(([keys, what]) => el("div", {}, el("dt", {}, ...keys.split(" ").flatMap((key) => (key === "\u2026" ? [" \u2026 "] : [el("kbd", {}, key), " "]))), el("dd", {}, what)));
  const close = el("button", { class: "button primary", value: "close" }, "Close");
  const actions = el("div", { class: "dialog-actions" }, el("label", { class: "check" }, box, el("span", {}, "Keys on")), close);
  const dialog = el("dialog", { class: "dialog keys", "aria-labelledby": "keys-title" }, el("form", { method: "dialog" }, el("h2", { id: "keys-title" }, "Keys"), el("dl", {}, ...rows), actions));
  const button = el("button", { type: "button", class: "wide push shortcuts" }, "Shortcuts ", el("kbd", { "aria-hidden": "true" }, "?"));
  const open = () => {
    dialog.showModal();
    close.focus();
  };
  button.addEventListener("click", open);
  byId("status-end").before(button);
  byId("status-end").classList.remove("push");
  document.body.append(dialog);
  return open;
}
