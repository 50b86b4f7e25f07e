// The reader's open orders, kept by the private stream; history, fills and balances in the other tabs.

import { cancelAll, cancelOrder, getFills, getHistory, getOpenOrders } from "./api.js";
import { all, byId, confirmed, el, paint, say, setFigure, setText } from "./dom.js";
import { balanceShown, fillShown, orderShown } from "./rows.js";
import { toast } from "./toasts.js";

const OPEN = new Set(["New", "PartiallyFilled", "TriggerPending"]);
const LAG_MS = 800; // History and fills follow the engine within a second.

export class Orders {
  // `onchange` hears of every change of the open orders.
  constructor(market, onchange) {
    this.market = market;
    this.onchange = onchange;
    this.open = new Map();
    this.known = new Set();
    this.tab = document.querySelector(".orders-panel [data-tab][aria-current]")?.dataset.tab ?? "open";
    this.oneMarket = localStorage.getItem("one-market") === "on";
    this.draw = () => this.#draw();
    this.#tools();
    for (const link of all(".orders-panel [data-tab]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.show(link.dataset.tab);
      });
    }
    byId("open-rows").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#cancel(event.target.closest("tr"));
    });
  }

  // Fetch what is open. True of everything that was answered before.
  async refresh() {
    const rows = await getOpenOrders();
    this.open = new Map(rows.map((row) => [row.id, row]));
    for (const row of rows) this.known.add(row.id);
    this.#changed();
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
    };
    const rests = order.orderType === "Limit" && (frame.X === "New" || frame.X === "PartiallyFilled");
    if (rests || frame.X === "TriggerPending") this.open.set(order.id, order);
    else this.open.delete(order.id);
    this.#changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reloadTab(), LAG_MS);
  }

  show(tab) {
    this.tab = tab;
    for (const link of all(".orders-panel [data-tab]")) {
      if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const address = new URL(location.href);
    address.searchParams.set("tab", tab);
    history.replaceState(null, "", address);
    if (!this.market.signedIn) return;
    for (const table of all("[data-list]")) table.hidden = table.dataset.list !== tab;
    paint(this.draw);
    this.reloadTab();
  }

  async reloadTab() {
    if (this.tab !== "history" && this.tab !== "fills") return;
    const { tab } = this, history = tab === "history";
    try {
      const rows = await (history ? getHistory() : getFills());
      const shown = history ? rows.filter((row) => !OPEN.has(row.status)) : rows;
      byId(history ? "history-rows" : "fill-rows").replaceChildren(...shown.map((row) => {
        const node = byId(history ? "history-row" : "fill-row").content.firstElementChild.cloneNode(true);
        fillRow(node, history ? orderShown(this.market, row) : fillShown(this.market, row));
        return node;
      }));
      this.#empty();
    } catch (error) {
      const again = { label: "Try again", run: () => this.reloadTab() };
      toast(history ? "The history did not load" : "Fills did not load", `${error.message} Your orders are not affected.`, "bad", again);
    }
  }

  shownOrders() {
    return [...this.open.values()].filter((order) => !this.oneMarket || order.symbol === this.market.symbol).sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? 1 : -1));
  }

  #changed() {
    paint(this.draw);
    this.onchange([...this.open.values()].filter((order) => order.symbol === this.market.symbol && order.price && order.status !== "TriggerPending"));
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
        node = byId("open-row").content.firstElementChild.cloneNode(true);
        body.insertBefore(node, before);
      } else if (node !== before) body.insertBefore(node, before);
      before = node.nextElementSibling;
      const shown = orderShown(this.market, order);
      fillRow(node, shown);
      node.dataset.order = order.id;
      node.dataset.symbol = order.symbol;
      node.querySelector("[data-bar]").style.setProperty("--bar", `${shown.percent}%`);
      node.querySelector("[data-cancel]").setAttribute("aria-label", `Cancel ${shown.side.toLowerCase()} ${shown.amount} ${shown.name} at ${shown.price}`);
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
    if (!this.market.signedIn) return;
    const box = el("input", { type: "checkbox", checked: this.oneMarket });
    const panel = document.querySelector(".orders-panel");
    panel.classList.toggle("one-market", this.oneMarket);
    box.addEventListener("change", () => {
      this.oneMarket = box.checked;
      localStorage.setItem("one-market", box.checked ? "on" : "off");
      panel.classList.toggle("one-market", box.checked);
      paint(this.draw);
    });
    this.all = el("button", { type: "button", hidden: true }, "Cancel all");
    this.all.addEventListener("click", () => this.cancelAll());
    byId("orders-tools").append(el("label", { class: "check" }, box, el("span", {}, "This market", el("span", { class: "long" }, " only"))), this.all);
  }

  async #cancel(row) {
    if (!row || row.classList.contains("leaving")) return;
    row.classList.add("leaving");
    try {
      const order = await cancelOrder(row.dataset.symbol, row.dataset.order);
      this.open.delete(order.id);
      say("Order cancelled.");
      this.#changed();
    } catch (error) {
      row.classList.remove("leaving");
      toast("Not cancelled", error.code === "RESOURCE_NOT_FOUND" ? "The order is not open any more." : error.message, "bad");
      await this.refresh();
    }
  }

  async cancelAll() {
    const orders = this.shownOrders(), symbols = [...new Set(orders.map((order) => order.symbol))];
    if (!orders.length) return;
    const where = symbols.length === 1 ? symbols[0].replace("_", "/") : `${symbols.length} markets`;
    const count = orders.length === 1 ? "1 order" : `${orders.length} orders`;
    if (!(await confirmed(`Cancel ${count} in ${where}?`, "What they hold becomes available at once.", `Cancel ${count}`, "Keep them"))) return;
    try {
      const gone = (await Promise.all(symbols.map(cancelAll))).flat();
      for (const order of gone) this.open.delete(order.id);
      toast(`${gone.length} ${gone.length === 1 ? "order" : "orders"} cancelled`, "", "good");
      this.#changed();
    } catch (error) {
      toast("Not all were cancelled", error.message, "bad");
      await this.refresh();
    }
  }
}

// After a cancel the focus goes to the next row.
function removeRow(node) {
  const focused = node.contains(document.activeElement);
  const next = node.nextElementSibling ?? node.previousElementSibling;
  node.remove();
  if (focused) (next?.querySelector("[data-cancel]") ?? byId("orders-box")).focus();
}

// Write each value of `shown` into the cell of that name.
function fillRow(node, shown) {
  for (const cell of all("[data-f]", node)) {
    const name = cell.dataset.f, text = shown[name];
    if (text === undefined) continue;
    if (name === "amount" || name === "value") setFigure(cell, text);
    else setText(cell, text);
    if (name === "time") cell.title = shown.iso;
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
