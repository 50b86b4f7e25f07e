// Keys of the trading page, off while typing. The sheet that lists them is loaded when it is wanted.

import { all, byId } from "./dom.js";
import { prefs } from "./prefs.js";
import { wanted } from "./toasts.js";

const GO_MS = 1500;
const PAGES = { m: "/markets", w: "/wallet", p: "/portfolio", t: "/trade" };

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

// The row of an order that the keys act on: the focused one; J and K go to the next and the one before.
const rowNow = () => document.activeElement?.closest?.("#open-rows tr") ?? null;

const step = (by) => (views) => {
  const rows = all("#open-rows tr");
  if (!rows.length || byId("open-rows").closest("table").hidden) return tab("open")(views);
  const at = rows.indexOf(rowNow()), next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next].querySelector("[data-amend]").focus();
};

const KEYS = {
  b: () => choose("side", "buy"), s: () => choose("side", "sell"), m: () => choose("type", "market"), l: () => choose("type", "limit"),
  p: field("price"), a: field("amount"), t: field("total"), o: tab("open"), h: tab("history"), f: tab("fills"), j: step(1), k: step(-1),
  c: (views, orders) => rowNow() && orders?.cancel(rowNow().dataset.order), e: (views, orders) => rowNow() && orders?.amend(rowNow()),
};

export class Keys {
  // `orders` answers the reader's orders, or nothing for a visitor.
  constructor(views, orders) {
    Object.assign(this, { views, orders, going: 0 });
  }

  // A key that was pressed outside of fields; null opens the sheet.
  press(event) {
    if (event === null) return sheet();
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return document.activeElement?.blur?.();
    if (!prefs.keys) return;
    const went = this.going && performance.now() - this.going < GO_MS;
    this.going = key === "g" && !event.shiftKey ? performance.now() : 0;
    if (went && PAGES[key]) return location.assign(PAGES[key]);
    const act = event.key === "?" ? sheet : key === "/" ? openMarkets : event.shiftKey ? key === "x" && (() => this.orders()?.cancelAll()) : KEYS[key] ?? interval(key);
    if (!act) return;
    event.preventDefault();
    act(this.views, this.orders());
  }
}

const sheet = async () => (await wanted(() => import("./keys_sheet.js")))?.openSheet();

function openMarkets() {
  const menu = byId("market-menu");
  if (!menu.offsetParent) return location.assign(PAGES.m);
  menu.open = true;
}

function interval(key) {
  const link = /^[1-9]$/.test(key) ? all("[data-interval]")[Number(key) - 1] : null;
  return link && (() => link.click());
}
