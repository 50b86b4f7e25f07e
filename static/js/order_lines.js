// The reader's orders on the chart: a dashed line and a tag each. Dragging the tag, or arrow keys on it, moves the order
// after a confirmation; the cross cancels it.

import { fixed, grouped } from "./decimal.js";
import { el, icon, say } from "./dom.js";
import { t } from "./speech.js";

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
    const style = getComputedStyle(document.documentElement), token = (name) => style.getPropertyValue(`--c-${name}`).trim();
    Object.assign(this, { colour, soft: token("you-soft"), text: token("you-text") });
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
      if (tag.moved === null) this.#line(tag, tag.ticks);
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
    node.addEventListener("keydown", (event) => this.#key(event, tag));
    node.addEventListener("pointerdown", (event) => this.#grab(event, tag));
    return tag;
  }

  #drop(id, tag) {
    this.series.removePriceLine(tag.line);
    tag.node.remove();
    this.tags.delete(id);
  }

  #line(tag, ticks) {
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

  #move(tag, ticks) {
    tag.moved = ticks > 0n ? ticks : 1n;
    this.#line(tag, tag.moved);
    this.#ask(tag);
  }

  #ask(tag) {
    const text = t`Move to ${grouped(this.market.price(tag.moved))}?`;
    if (tag.question) {
      tag.question.firstChild.textContent = text;
      return;
    }
    const yes = el("button", { type: "button" }, t`Move`), no = el("button", { type: "button" }, t`Leave`);
    tag.question = el("span", { class: "tag-question" }, el("span", {}, text), yes, no);
    yes.addEventListener("click", () => this.#send(tag));
    no.addEventListener("click", () => this.#leave(tag));
    tag.node.append(tag.question);
  }

  #leave(tag) {
    tag.moved = null;
    tag.question?.remove();
    tag.question = null;
    this.#line(tag, tag.ticks);
  }

  async #send(tag) {
    const { order, moved } = tag;
    if (moved === null || moved === tag.ticks) return this.#leave(tag);
    tag.question?.remove();
    tag.question = null;
    try {
      const { amend } = await import("./amend.js");
      await amend(order, { [tag.waits ? "triggerPrice" : "price"]: this.market.price(moved) });
    } catch (error) {
      console.warn(`The order stays where it was: ${error.message}`);
    } finally {
      this.#leave(tag);
      await this.actions.refresh();
    }
  }

  #key(event, tag) {
    if (event.target !== tag.node) return;
    const by = { ArrowUp: 1n, ArrowDown: -1n }[event.key];
    if (by) {
      this.#move(tag, (tag.moved ?? tag.ticks) + by * (event.shiftKey ? 10n : 1n));
      say(t`Move to ${this.market.price(tag.moved)}? Enter or Escape.`);
    } else if (event.key === "Enter") this.#send(tag);
    else if (event.key === "Escape" && tag.moved !== null) this.#leave(tag);
    else if (event.key === "Delete") this.actions.cancel(tag.id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #grab(event, tag) {
    if (event.target.closest("button") || event.button !== 0) return;
    const top = this.box.getBoundingClientRect().top, start = event.clientY;
    tag.node.setPointerCapture(event.pointerId);
    const drag = (moving) => {
      if (Math.abs(moving.clientY - start) < 3 && tag.moved === null) return;
      const price = this.series.coordinateToPrice(moving.clientY - top);
      const ticks = price === null || price <= 0 ? null : this.market.ticks(this.#onTick(price));
      if (ticks) this.#move(tag, ticks);
    };
    const drop = () => {
      tag.node.removeEventListener("pointermove", drag);
      if (tag.moved !== null) tag.question?.querySelector("button").focus();
    };
    tag.node.addEventListener("pointermove", drag);
    tag.node.addEventListener("pointerup", drop, { once: true });
    tag.node.addEventListener("pointercancel", () => (drop(), this.#leave(tag)), { once: true });
  }

  // A drawn height is a Number; the price that is meant is the tick next to it.
  #onTick(price) {
    const units = BigInt(Math.round(price * 10 ** this.market.priceDecimals)), tick = this.market.tickScaled;
    return this.market.price((units + tick / 2n) / tick);
  }
}
