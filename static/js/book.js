// The book on the page: rows are reused and never moved; while the pointer rests on them prices hold still.

import { basisPoints, grouped } from "./decimal.js";
import { byId, cloned, paint, setFigure, setText } from "./dom.js";
import { late } from "./late.js";
import { prefs, remember } from "./prefs.js";

const ROWS = 40;
const SIZE_BAR_MAX = 52n;
const FLASH_MOST = 6;
const FLASH_EVERY_MS = 500;

export class BookView {
  // `pick` hears {price, lots} of a click: lots is null unless the size was meant.
  constructor(market, depth, pick) {
    this.market = market;
    this.depth = depth;
    this.pick = pick;
    const kept = prefs.step[market.symbol];
    this.step = document.querySelector(`#book-step [value="${CSS.escape(kept)}"]`) ? BigInt(kept) : 1n;
    this.own = { bid: new Set(), ask: new Set() };
    this.held = null;
    this.sides = { bid: rowsOf(byId("bids")), ask: rowsOf(byId("asks")) };
    this.shown = { bid: [], ask: [] };
    this.draw = () => this.#draw();
    this.#listen();
    this.#stepChoice();
  }

  changed() {
    paint(this.draw);
  }

  // The reader's own price levels of each side.
  setOwn(levels) {
    this.own = levels;
    paint(this.draw);
  }

  #stepChoice() {
    const select = byId("book-step");
    select.value = String(this.step);
    select.addEventListener("change", () => {
      this.step = BigInt(select.value);
      remember({ step: { ...prefs.step, [this.market.symbol]: select.value } });
      this.held = null;
      this.changed();
    });
  }

  #draw() {
    if (this.depth.updateId === null && this.depth.bids.size + this.depth.asks.size === 0) return;
    const budget = { left: FLASH_MOST, now: performance.now() };
    const sides = { bid: this.#levels("bid"), ask: this.#levels("ask") };
    const sumOf = (levels) => levels.reduce((sum, [, lots]) => sum + lots, 0n);
    const visible = { bid: sides.bid.slice(0, this.#fitting("bids")), ask: sides.ask.slice(0, this.#fitting("asks")) };
    const bidSum = sumOf(visible.bid), askSum = sumOf(visible.ask);
    const scale = { sum: bidSum > askSum ? bidSum : askSum, size: 1n };
    for (const [, lots] of [...visible.bid, ...visible.ask]) if (lots > scale.size) scale.size = lots;
    this.#drawSide("bid", sides.bid, scale, budget);
    this.#drawSide("ask", sides.ask, scale, budget);
    this.#drawSpread();
    this.#drawShare(bidSum, askSum);
  }

  // Held: the same prices as when the pointer came, with today's sizes.
  #levels(side) {
    if (!this.held) return this.depth.levels(side, this.step, ROWS);
    const sizes = new Map(this.depth.levels(side, this.step));
    return this.held[side].map((ticks) => [ticks, sizes.get(ticks) ?? 0n]);
  }

  #fitting(id) {
    const box = byId(id), row = box.firstElementChild;
    return row ? Math.min(ROWS, Math.floor(box.clientHeight / (row.offsetHeight || 20))) || ROWS : ROWS;
  }

  #drawSide(side, levels, scale, budget) {
    const rows = this.sides[side];
    let sum = 0n;
    const shown = [];
    for (const [index, row] of rows.entries()) {
      const level = levels[index];
      row.node.hidden = !level;
      if (!level) continue;
      const [ticks, lots] = level;
      sum += lots;
      shown.push(ticks);
      const before = row.ticks === ticks ? row.lots : null;
      if (row.ticks !== ticks) {
        row.ticks = ticks;
        const price = this.market.price(ticks);
        setText(row.price, grouped(price));
        row.price.href = `?view=trade&price=${price}`;
      }
      if (row.lots !== lots) setFigure(row.size, grouped(this.market.amount(lots)));
      row.lots = lots;
      row.sumLots = sum;
      setText(row.sum, this.market.sum(sum, scale.sum));
      width(row.bar, (SIZE_BAR_MAX * 10n * lots) / scale.size);
      width(row.bar2, scale.sum ? (1000n * sum) / scale.sum : 0n);
      row.node.classList.toggle("own", this.own[side].has(ticks) || (this.step > 1n && this.#ownNear(side, ticks)));
      if (before !== null && before !== lots) flash(row, budget);
    }
    this.shown[side] = shown;
  }

  // With a coarse step: an own order is among those that the level stands for.
  #ownNear(side, ticks) {
    for (const own of this.own[side]) if (side === "bid" ? own >= ticks && own < ticks + this.step : own <= ticks && own > ticks - this.step) return true;
    return false;
  }

  #drawSpread() {
    const bid = this.depth.best("bid"), ask = this.depth.best("ask");
    const known = bid !== null && ask !== null;
    setText(byId("spread"), known ? grouped(this.market.price(ask - bid)) : "\u2014");
    setText(byId("spread-bps"), known ? basisPoints(2n * (ask - bid), ask + bid) : "\u2014");
  }

  #drawShare(bids, asks) {
    const total = bids + asks;
    const share = total ? (bids * 200n + total) / (2n * total) : 50n;
    setText(byId("bid-share"), share.toString());
    setText(byId("ask-share"), (100n - share).toString());
    byId("share-bar").style.setProperty("--bar", `${share}%`);
  }

  #listen() {
    const book = document.querySelector(".book");
    for (const side of ["bid", "ask"]) for (const row of this.sides[side]) row.price.tabIndex = -1;
    book.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "mouse") return;
      this.held = { bid: [...this.shown.bid], ask: [...this.shown.ask] };
      byId("held").hidden = false;
    });
    book.addEventListener("pointerleave", () => {
      this.held = null;
      byId("held").hidden = true;
      this.tip?.remove();
      this.changed();
    });
    book.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.#point(event));
    book.addEventListener("click", (event) => {
      const row = this.#rowAt(event.target);
      if (!row) return;
      event.preventDefault();
      this.pick({ price: this.market.price(row.ticks), lots: event.target.closest(".size, .sum") ? row.sumLots : null });
    });
  }

  #rowAt(target) {
    const node = target.closest(".level");
    return node && [...this.sides.bid, ...this.sides.ask].find((row) => row.node === node && row.ticks !== null);
  }

  // Sum, average and value up to the level under the pointer; loaded when a pointer comes.
  async #point(event) {
    const row = this.#rowAt(event.target);
    if (!row) return this.tip?.remove();
    this.tips ??= late(() => import("./book_tip.js")).catch(() => null);
    const loaded = await this.tips;
    if (!loaded) this.tips = null; // The next move of the pointer asks again; what is missing is a convenience.
    else this.tip = loaded.tipFor(this.market, this.sides[this.sides.bid.includes(row) ? "bid" : "ask"], row, this.tip);
  }
}

function rowsOf(box) {
  while (box.children.length < ROWS) box.append(cloned("level"));
  return [...box.children].map((node) => ({
    node, price: node.querySelector("a"), size: node.querySelector(".size"), sum: node.querySelector(".sum"), bar: node.querySelector(".bar"), bar2: node.querySelector(".bar-2"), ticks: null, lots: null, sumLots: 0n, flashedAt: 0,
  }));
}

function width(bar, permille) {
  const value = `${Math.min(100, Number(permille) / 10)}%`;
  if (bar.dataset.at === value) return;
  bar.dataset.at = value;
  bar.style.setProperty("--bar", value);
}

function flash(row, budget) {
  if (budget.left <= 0 || budget.now - row.flashedAt < FLASH_EVERY_MS) return;
  budget.left -= 1;
  row.flashedAt = budget.now;
  row.node.classList.add("changed");
  requestAnimationFrame(() => requestAnimationFrame(() => row.node.classList.remove("changed")));
}
