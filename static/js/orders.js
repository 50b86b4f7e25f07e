// The reader's open orders, kept by the private stream; history, fills and balances in the other tabs.

import { getOpenOrders } from "./api.js";
import { all, byId, cloned, paint, setFigure, setText } from "./dom.js";
import { late } from "./late.js";
import { prefs, remember } from "./prefs.js";
import { balanceShown, orderShown } from "./rows.js";
import { t } from "./speech.js";
import { toast, wanted } from "./toasts.js";

const LAG_MS = 800; // History and fills follow the engine within a second.

export class Orders {
  // `onchange` hears of every change of the open orders.
  constructor(market, onchange) {
    this.market = market;
    this.onchange = onchange;
    this.open = new Map();
    this.known = new Set();
    this.tab = document.querySelector(".orders-panel [data-tab][aria-current]")?.dataset.tab ?? "open";
    this.oneMarket = prefs.oneMarket;
    this.draw = () => this.#draw();
    this.#tools();
    for (const link of all(".orders-panel [data-tab]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        wanted(() => import("./order_lists.js")).then((lists) => lists?.show(this, link.dataset.tab));
      });
    }
    const rows = byId("open-rows");
    rows.addEventListener("submit", (event) => {
      event.preventDefault();
      this.cancel(event.target.closest("tr").dataset.order);
    });
    const soon = () => import("./order_actions.js").catch(() => null); // The click itself will say what is wrong.
    for (const name of ["pointerover", "focusin"]) rows.addEventListener(name, soon, { once: true });
    rows.addEventListener("click", (event) => {
      const link = event.target.closest("[data-amend]");
      if (!link) return;
      event.preventDefault();
      this.amend(link.closest("tr"));
    });
  }

  // Fetch what is open. True of everything that was answered before.
  async refresh() {
    const rows = await getOpenOrders();
    this.open = new Map(rows.map((row) => [row.id, row]));
    for (const row of rows) this.known.add(row.id);
    this.changed();
    this.reloadTab();
  }

  isOwn = (orderId) => this.known.has(orderId);

  // A frame of account.orderUpdate.
  event(frame) {
    this.known.add(frame.i);
    const order = {
      id: frame.i, symbol: frame.s, side: frame.S, orderType: frame.o === "LIMIT" ? "Limit" : "Market", status: frame.X, price: frame.p ?? null,
      quantity: frame.q ?? null, executedQuantity: frame.z, timeInForce: frame.f, postOnly: frame.y ?? false,
      createdAt: this.open.get(frame.i)?.createdAt ?? Math.floor(frame.T / 1000), triggerPrice: frame.P ?? null, trailingDelta: frame.trailingDelta ?? null,
      displayQuantity: frame.displayQuantity ?? null,
    };
    const rests = order.orderType === "Limit" && (frame.X === "New" || frame.X === "PartiallyFilled");
    if (rests || frame.X === "TriggerPending") this.open.set(order.id, order);
    else this.open.delete(order.id);
    this.changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reloadTab(), LAG_MS);
  }

  // History and fills are fetched when they are looked at; what fetches them is loaded then.
  async reloadTab() {
    if (this.tab !== "history" && this.tab !== "fills") return;
    const lists = await wanted(() => import("./order_lists.js"));
    await lists?.fillList(this.market, this.tab, () => this.reloadTab());
    this.#empty();
  }

  shownOrders() {
    return [...this.open.values()].filter((order) => !this.oneMarket || order.symbol === this.market.symbol).sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? 1 : -1));
  }

  // The open orders are others than before.
  changed() {
    paint(this.draw);
    this.tell();
  }

  // Say again what is open in this market.
  tell() {
    this.onchange([...this.open.values()].filter((order) => order.symbol === this.market.symbol && (order.price || order.triggerPrice)));
  }

  #draw() {
    const body = byId("open-rows"), orders = this.shownOrders();
    const nodes = new Map(all("tr", body).map((node) => [node.dataset.order, node]));
    const wanted = new Set(orders.map((order) => order.id));
    for (const [id, node] of nodes) if (!wanted.has(id)) removeRow(node);
    let before = body.firstElementChild;
    for (const order of orders) {
      let node = nodes.get(order.id);
      if (!node) {
        node = cloned("open-row");
        body.insertBefore(node, before);
      } else if (node !== before) body.insertBefore(node, before);
      before = node.nextElementSibling;
      if (node.dataset.editing) continue;
      const shown = orderShown(this.market, order);
      fillRow(node, shown);
      node.dataset.order = order.id;
      node.dataset.symbol = order.symbol;
      node.querySelector("[data-bar]").style.setProperty("--bar", `${shown.percent}%`);
      const what = t`${shown.side.toLowerCase()} ${shown.amount} ${shown.name} at ${shown.price}`;
      node.querySelector("[data-cancel]").setAttribute("aria-label", t`Cancel ${what}`);
      node.querySelector("[data-amend]").setAttribute("aria-label", t`Amend ${what}`);
    }
    for (const count of all("[data-open-count]")) setText(count, String(this.open.size));
    if (this.all) this.all.hidden = orders.length === 0 || this.tab !== "open";
    this.#empty();
  }

  #empty() {
    for (const note of all("[data-empty]")) {
      const rows = document.querySelector(`[data-list="${note.dataset.empty}"] tbody`);
      note.hidden = note.dataset.empty !== this.tab || rows.children.length > 0;
    }
  }

  #tools() {
    const box = byId("one-market"), panel = document.querySelector(".orders-panel");
    box.checked = this.oneMarket;
    panel.classList.toggle("one-market", this.oneMarket);
    box.addEventListener("change", () => {
      this.oneMarket = box.checked;
      remember({ oneMarket: box.checked });
      panel.classList.toggle("one-market", box.checked);
      paint(this.draw);
    });
    byId("cancel-all")?.remove();
    this.all = byId("cancel-shown");
    this.all.addEventListener("click", () => this.cancelAll());
  }

  // What changes orders is loaded when a pointer or the focus comes near; each asks or shows what is needed.
  amend = (row) => this.#act("amend", row);
  cancel = (id) => this.#act("cancel", id);
  cancelAll = () => this.#act("cancelAll");

  async #act(name, of) {
    const actions = await late(() => import("./order_actions.js")).catch(unreached);
    await actions[name]?.(this, of);
  }
}

// A part of the page that is loaded late did not come.
export function unreached() {
  toast(t`Nothing was changed`, t`The server cannot be reached. Try again in a moment.`, "bad");
  return {};
}

// After a cancel the focus goes to the next row.
function removeRow(node) {
  const focused = node.contains(document.activeElement);
  const next = node.nextElementSibling ?? node.previousElementSibling;
  node.remove();
  if (focused) (next?.querySelector("[data-cancel]") ?? byId("orders-box")).focus();
}

// Write each value of `shown` into the cell of that name.
export function fillRow(node, shown) {
  for (const cell of all("[data-f]", node)) {
    const name = cell.dataset.f, text = shown[name];
    if (text === undefined) continue;
    if (name === "amount" || name === "value") setFigure(cell, text);
    else setText(cell, text);
    if (name === "time") cell.title = shown.iso;
    if (cell.dataset.link !== undefined) cell.href = shown.link;
    if (name === "side") cell.className = `c-side ${shown.direction}`;
    if (name === "status") cell.className = `badge ${shown.tone}`;
  }
}

// Money on the page: every place that shows an asset's balance.
export function showBalance(symbol, money) {
  const shown = balanceShown(money);
  for (const row of all(`[data-asset="${CSS.escape(symbol)}"]`)) {
    for (const name of ["available", "locked", "total"]) setFigure(row.querySelector(`[data-${name}]`), shown[name]);
  }
}
