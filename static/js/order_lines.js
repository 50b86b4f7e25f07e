// The reader's orders on the chart: a dashed line and a tag each, and a cross that cancels. What moves them is loaded when
// a pointer or the focus comes to a tag (order_moves.js).

import { fixed, grouped } from "./decimal.js";
import { colourOf, el, icon } from "./dom.js";
import { t } from "./speech.js";
import { wanted } from "./toasts.js";

const MOVED_BY = ["ArrowUp", "ArrowDown", "Enter", "Escape"];

export class OrderLines {
  constructor(market, series, box, actions, dashed) {
    Object.assign(this, { market, series, actions, dashed });
    this.box = el("div", { class: "order-tags" });
    box.append(this.box);
    this.tags = new Map();
    this.place = () => this.#place();
  }

  // `orders` of the wire; a waiting order stands at its trigger, and a trailing one nowhere.
  show(open, colour) {
    const orders = open.filter((order) => (order.status === "TriggerPending" ? order.triggerPrice : order.price));
    Object.assign(this, { colour, soft: colourOf("you-soft"), text: colourOf("you-text") });
    const wanted = new Set(orders.map((order) => order.id));
    for (const [id, tag] of this.tags) if (!wanted.has(id)) this.#drop(id, tag);
    for (const order of orders) {
      const tag = this.tags.get(order.id) ?? this.#make(order.id);
      tag.order = order;
      tag.waits = order.status === "TriggerPending";
      tag.ticks = this.market.ticks(tag.waits ? order.triggerPrice : order.price);
      const verb = order.side === "Bid" ? t`Buy` : t`Sell`, left = grouped(fixed(order.quantity ?? "0", this.market.quantityDecimals));
      tag.words.textContent = `${verb} ${left}${tag.waits ? t` stop` : ""}`;
      tag.node.setAttribute("aria-label", t`${verb} ${left} ${this.market.base} at ${this.market.price(tag.ticks)}, arrow keys move it`);
      if (tag.moved === null) this.line(tag, tag.ticks);
    }
    if (this.tags.size && !this.running) requestAnimationFrame(this.place);
    this.running = this.tags.size > 0;
  }

  #make(id) {
    const words = el("span"), cross = el("button", { type: "button", class: "tag-cross" }, icon("close"), el("span", { class: "hidden" }, t`Cancel this order`));
    const node = el("div", { class: "order-tag", tabindex: "0", role: "group" }, words, cross);
    const tag = { id, node, words, moved: null, line: null, y: null };
    this.box.append(node);
    this.tags.set(id, tag);
    cross.addEventListener("click", () => this.actions.cancel(id));
    for (const name of ["pointerenter", "focus"]) node.addEventListener(name, () => this.#moves());
    node.addEventListener("keydown", (event) => this.#key(event, tag));
    node.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button") || event.button !== 0) return;
      node.setPointerCapture(event.pointerId);
      this.#moves((moves) => moves.grab(this, tag, event));
    });
    return tag;
  }

  #moves(then = () => {}) {
    this.loaded ??= wanted(() => import("./order_moves.js"));
    this.loaded.then((moves) => moves ? then(moves) : (this.loaded = null)); // The next try asks again.
  }

  #key(event, tag) {
    if (event.target !== tag.node) return;
    if (event.key === "Delete") this.actions.cancel(tag.id);
    else if (MOVED_BY.includes(event.key)) this.#moves((moves) => moves.press(this, tag, event));
    else return;
    if (event.key === "Escape" && tag.moved === null) return; // It leaves nothing: others may hear it.
    event.preventDefault();
    event.stopPropagation();
  }

  #drop(id, tag) {
    this.series.removePriceLine(tag.line);
    tag.node.remove();
    this.tags.delete(id);
  }

  // Draw the line at a price: the order's own, or where it would be moved to.
  line(tag, ticks) {
    const options = { price: Number(this.market.price(ticks)), color: this.colour, lineWidth: 1, lineStyle: this.dashed, axisLabelVisible: true, axisLabelColor: this.soft, axisLabelTextColor: this.text, title: "" };
    if (tag.line) tag.line.applyOptions(options);
    else tag.line = this.series.createPriceLine(options);
  }

  // The scale moves under the tags with every candle and drag, and tells nobody: look once a frame, write when it moved.
  #place() {
    for (const tag of this.tags.values()) {
      const y = this.series.priceToCoordinate(Number(this.market.price(tag.moved ?? tag.ticks))), most = this.box.clientHeight;
      const at = y === null ? null : Math.round(y), away = at === null || at < 0 || at > most;
      if (at === tag.y) continue;
      tag.y = at;
      // Outside of the view it is not seen, but keys still reach it.
      tag.node.classList.toggle("away", away);
      tag.node.style.transform = `translateY(${Math.max(12, Math.min(most - 12, at ?? 12))}px) translateY(-50%)`;
    }
    if (this.tags.size) requestAnimationFrame(this.place);
    else this.running = false;
  }
}
