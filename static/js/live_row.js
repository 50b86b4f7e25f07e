// One market's figures in a list, alive: last price, change, range, volume and spread. Missing parts are left out.

import { basisPoints, fixed, grouped, percent, short, toUnits } from "./decimal.js";
import { paint, setDirection, setFigure, setText } from "./dom.js";

const MARKER_WIDTH = 154n;

export class LiveRow {
  constructor(node) {
    this.node = node;
    this.symbol = node.dataset.market;
    this.decimals = Number(node.dataset.decimals);
    this.day = null;
    this.last = null;
    this.draw = () => this.#draw();
  }

  // Everything this row listens to. `withSpread` where it shows one.
  hear(socket, withSpread = false) {
    socket.hear(`ticker.${this.symbol}`, (frame) => this.ticker(frame));
    socket.hear(`trade.${this.symbol}`, (frame) => this.trade(frame));
    if (withSpread) socket.hear(`bookTicker.${this.symbol}`, (frame) => this.quote(frame.b, frame.a));
  }

  ticker(frame) {
    const read = (text) => toUnits(text, this.decimals);
    this.day = { open: read(frame.o), high: read(frame.h), low: read(frame.l), volume: frame.V };
    this.last = read(frame.c);
    paint(this.draw);
  }

  trade(frame) {
    this.last = toUnits(frame.p, this.decimals);
    paint(this.draw);
  }

  quote(bid, ask) {
    const known = bid !== null && ask !== null;
    const low = known ? toUnits(bid, this.decimals) : 0n, high = known ? toUnits(ask, this.decimals) : 0n;
    setText(this.#part("spread"), known ? this.text(high - low) : "\u2014");
    setText(this.#part("bps"), known ? `${basisPoints(2n * (high - low), high + low)} bps` : "");
    if (known && high + low > 0n) this.node.dataset.keySpread = String(((high - low) * 2000000000n) / (high + low));
  }

  text(units) {
    const digits = units.toString().padStart(this.decimals + 1, "0"), cut = digits.length - this.decimals;
    return grouped(this.decimals ? `${digits.slice(0, cut)}.${digits.slice(cut)}` : digits);
  }

  #part(name) {
    return this.node.querySelector(`[data-${name}]`);
  }

  #draw() {
    const { day, last } = this;
    if (!last || !day) return;  // A trade alone would stand beside a range that does not know it; its ticker follows.
    setFigure(this.#part("last"), this.text(last));
    if (!day.open) return;
    const moved = last - day.open, low = last < day.low ? last : day.low, high = last > day.high ? last : day.high;
    const direction = moved > 0n ? "up" : moved < 0n ? "down" : "";
    setDirection(this.#part("moved"), direction);
    setDirection(this.node.querySelector(".spark"), direction);
    setText(this.#part("change"), percent(moved, day.open));
    this.node.dataset.keyChange = String((moved * 1000000n) / day.open);
    setText(this.#part("low"), this.text(low));
    setText(this.#part("high"), this.text(high));
    setText(this.#part("volume"), short(fixed(day.volume, 2)));
    this.#part("marker")?.setAttribute("x", high > low ? ((last - low) * MARKER_WIDTH) / (high - low) : "77");
  }
}

// A panel of rows without a line of state: it only ever gets fresher.
export function keepAlive(nodes, socket) {
  const rows = nodes.map((node) => new LiveRow(node));
  for (const row of rows) row.hear(socket);
  if (rows.length) socket.open();
  return rows;
}
