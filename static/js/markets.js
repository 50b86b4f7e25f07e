// The list of markets, alive: prices, change, range, volume and spread by stream; the filter without a reload.

import { getDepth } from "./api.js";
import { basisPoints, fixed, grouped, percent, short, toUnits } from "./decimal.js";
import { all, byId, paint, setDirection, setFigure, setText } from "./dom.js";
import { Socket } from "./socket.js";

const MARKER_WIDTH = 154n;

class Row {
  constructor(node) {
    this.node = node;
    this.symbol = node.dataset.symbol;
    this.decimals = Number(node.dataset.decimals);
    this.day = null;
    this.last = null;
    this.draw = () => this.#draw();
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
    setText(this.#part("spread"), known ? this.#text(high - low) : "\u2014");
    setText(this.#part("bps"), known ? `${basisPoints(2n * (high - low), high + low)} bps` : "");
  }

  #part(name) {
    return this.node.querySelector(`[data-${name}]`);
  }

  #text(units) {
    const digits = units.toString().padStart(this.decimals + 1, "0"), cut = digits.length - this.decimals;
    return grouped(this.decimals ? `${digits.slice(0, cut)}.${digits.slice(cut)}` : digits);
  }

  #draw() {
    const { day, last } = this;
    if (last === null || last === 0n) return;
    setFigure(this.#part("last"), this.#text(last));
    if (!day || !day.open) return;
    const moved = last - day.open, low = last < day.low ? last : day.low, high = last > day.high ? last : day.high;
    const direction = moved > 0n ? "up" : moved < 0n ? "down" : "";
    setDirection(this.#part("moved"), direction);
    const spark = this.node.querySelector(".spark");
    setDirection(spark, direction);
    setText(this.#part("change"), percent(moved, day.open));
    setText(this.#part("low"), this.#text(low));
    setText(this.#part("high"), this.#text(high));
    setText(this.#part("volume"), short(fixed(day.volume, 2)));
    this.#part("marker").setAttribute("x", high > low ? ((last - low) * MARKER_WIDTH) / (high - low) : "77");
  }
}

const rows = all("#markets tbody tr").map((node) => new Row(node));
const socket = new Socket();
const state = (name, text) => {
  byId("connection").dataset.state = name;
  setText(byId("connection-text"), text);
};

for (const row of rows) {
  socket.hear(`ticker.${row.symbol}`, (frame) => row.ticker(frame));
  socket.hear(`trade.${row.symbol}`, (frame) => row.trade(frame));
  socket.hear(`bookTicker.${row.symbol}`, (frame) => row.quote(frame.b, frame.a));
}

socket.onopen = () => {
  state("live", "Live");
  setText(document.querySelector("[data-live-word]"), ", live");
  for (const row of rows) getDepth(row.symbol).then((book) => row.quote(book.bids.at(-1)?.[0] ?? null, book.asks[0]?.[0] ?? null)).catch(() => row.quote(null, null));
};
socket.onlost = () => setText(document.querySelector("[data-live-word]"), "");
socket.onwait = (seconds) => state("waiting", `Reconnecting in ${seconds} s`);
socket.open();

byId("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  let shown = 0;
  for (const { node, symbol } of rows) {
    node.hidden = !`${symbol} ${symbol.replace("_", "/")} ${node.dataset.name}`.toLowerCase().includes(wanted);
    shown += node.hidden ? 0 : 1;
  }
  byId("none").hidden = shown > 0;
});
