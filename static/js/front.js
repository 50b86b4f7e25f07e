// The front page, alive: one market with its best prices and last trades, and the list below.

import { getDepth } from "./api.js";
import { fixed, grouped } from "./decimal.js";
import { all, byId, clockOf, el, icon, paint, setText } from "./dom.js";
import { LiveRow } from "./live_row.js";
import { Socket } from "./socket.js";
import { filled, gettext } from "./speech.js";

const LEVELS = 5;
const TRADES = 8;

const socket = new Socket();
for (const node of all("li[data-market]")) new LiveRow(node).hear(socket);

const box = document.querySelector("[data-front]");
if (box) showMarket(box);
if (box || all("li[data-market]").length) socket.open();

function showMarket(box) {
  const symbol = box.dataset.front, priceDecimals = Number(box.dataset.decimals), amountDecimals = Number(box.dataset.amountDecimals);
  box.dataset.market = symbol;
  const row = new LiveRow(box);
  const book = { bids: [], asks: [], waiting: false };

  // The best few levels are asked for when they may have changed, at most once in a while.
  async function look() {
    if (book.waiting || document.hidden) return;
    book.waiting = true;
    const known = await getDepth(symbol).catch(() => null);
    if (known) {
      book.bids = known.bids.slice(-LEVELS).reverse();
      book.asks = known.asks.slice(0, LEVELS).reverse();
      paint(draw);
    }
    setTimeout(() => { book.waiting = false; }, 1000);
  }

  function draw() {
    for (const [id, levels] of [["front-bids", book.bids], ["front-asks", book.asks]]) {
      byId(id).replaceChildren(...levels.map(([price, size]) => el("tr", {}, el("td", { class: "price" }, grouped(fixed(price, priceDecimals))), el("td", { class: "num" }, grouped(fixed(size, amountDecimals))))));
    }
  }

  socket.hear(`ticker.${symbol}`, (frame) => row.ticker(frame));
  socket.hear(`bookTicker.${symbol}`, look);
  socket.hear(`trade.${symbol}`, (frame) => {
    row.trade(frame);
    const direction = frame.m ? "down" : "up";
    const price = el("td", { class: "price" }, icon(direction), grouped(fixed(frame.p, priceDecimals)));
    price.firstChild.classList.add(`if-${direction}`);
    const line = el("tr", { class: direction }, price, el("td", { class: "num" }, grouped(fixed(frame.q, amountDecimals))), el("td", { class: "num quiet" }, clockOf(Math.floor(frame.T / 1000))));
    const tape = byId("front-trades");
    tape.prepend(line);
    while (tape.children.length > TRADES) tape.lastElementChild.remove();
  });
  const state = (name, text) => {
    byId("connection").dataset.state = name;
    setText(byId("connection-text"), text);
  };
  socket.onopen = () => {
    state("live", gettext("Live"));
    look();
  };
  socket.onwait = (seconds) => state("waiting", filled(gettext("Reconnecting in %(seconds)s s"), { seconds }));
}
