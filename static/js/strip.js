// Last price and the 24 hours, in the strip, the spread row and the title.

import { fixed, grouped, percent, short } from "./decimal.js";
import { byId, paint, setDirection, setText } from "./dom.js";

const TITLE_MS = 1000;

export class Strip {
  constructor(market) {
    this.market = market;
    this.last = null;
    this.day = null;
    this.direction = "";
    this.node = document.querySelector(".strip");
    this.draw = () => this.#draw();
    this.site = document.title.split("·").at(-1).trim();
    setInterval(() => this.#title(), TITLE_MS);
  }

  // A trade: the price, and who came to whom.
  trade(ticks, sold) {
    this.direction = sold ? "down" : "up";
    this.last = ticks;
    paint(this.draw);
  }

  ticker(frame) {
    const read = (text) => this.market.ticks(text);
    this.day = { open: read(frame.o), high: read(frame.h), low: read(frame.l), volume: frame.v, quoteVolume: frame.V };
    this.last ??= read(frame.c);
    paint(this.draw);
  }

  #draw() {
    if (this.last !== null && this.last > 0n) this.#drawLast(grouped(this.market.price(this.last)));
    const { day, last } = this;
    if (!day || !last || !day.open) return;
    const fig = (name) => this.node.querySelector(`[data-fig="${name}"]`);
    const moved = last - day.open;
    const change = fig("change");
    setDirection(change, moved > 0n ? "up" : moved < 0n ? "down" : "");
    const size = grouped(this.market.price(moved < 0n ? -moved : moved));
    setText(change.querySelector("[data-change-by]"), `${moved > 0n ? "+" : moved < 0n ? "\u2212" : ""}${size}`);
    setText(change.querySelector("[data-change]"), `(${percent(moved, day.open)})`);
    setText(fig("high"), grouped(this.market.price(day.high > last ? day.high : last)));
    setText(fig("low"), grouped(this.market.price(day.low < last ? day.low : last)));
    setText(fig("volume"), short(fixed(day.volume, this.market.quantityDecimals)));
    setText(fig("quote-volume"), short(day.quoteVolume));
    fig("quote-volume").title = grouped(day.quoteVolume);
  }

  #drawLast(text) {
    setDirection(byId("last"), this.direction);
    setDirection(document.querySelector(".spread"), this.direction);
    setText(byId("book-last"), text);
    setText(byId("last-price"), text);
  }

  #title() {
    if (!this.last) return;
    const title = `${grouped(this.market.price(this.last))} ${this.market.name} · ${this.site}`;
    if (document.title !== title) document.title = title;
  }
}
