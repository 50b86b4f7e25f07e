// The tape: the newest trades first, rows reused, drawn once per frame.

import { grouped } from "./decimal.js";
import { byId, clockOf, cloned, paint, setDirection, setFigure, setText } from "./dom.js";
import { t } from "./speech.js";

const KEPT = 60;

export class Tape {
  constructor(market, isOwn, onprice) {
    this.market = market;
    this.isOwn = isOwn;
    this.body = byId("tape");
    this.trades = [];
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest(".tick");
      if (row?.dataset.price) onprice(row.dataset.price);
    });
    this.draw = () => this.#draw();
  }

  // A trade of the stream.
  add(frame) {
    if (this.trades[0] && frame.t <= this.trades[0].id) return;
    this.trades.unshift({
      id: frame.t, ticks: this.market.ticks(frame.p), lots: this.market.lots(frame.q), ms: Math.floor(frame.T / 1000), sold: frame.m,
      own: this.isOwn(frame.b) || this.isOwn(frame.a),
    });
    this.trades.length = Math.min(this.trades.length, KEPT);
    paint(this.draw);
  }

  // The answer of REST, newest first; what the stream brought meanwhile stays.
  fill(rows) {
    const known = rows.map((row) => ({
      id: row.id, ticks: this.market.ticks(row.price), lots: this.market.lots(row.quantity), ms: row.timestamp, sold: row.isBuyerMaker, own: false,
    }));
    const newest = known[0]?.id ?? -1;
    this.trades = [...this.trades.filter((each) => each.id > newest), ...known].slice(0, KEPT);
    paint(this.draw);
  }

  #draw() {
    byId("tape-empty")?.remove();
    while (this.body.children.length < this.trades.length) this.body.append(cloned("tick"));
    for (const [index, trade] of this.trades.entries()) {
      const row = this.body.children[index];
      const price = this.market.price(trade.ticks);
      row.dataset.price = price;
      setDirection(row, trade.sold ? "down" : "up");
      row.classList.toggle("own", trade.own);
      setText(row.children[0].children[2], trade.sold ? t`Sold at ` : t`Bought at `);
      setText(row.children[0].lastElementChild, grouped(price));
      setFigure(row.children[1], grouped(this.market.amount(trade.lots)));
      const iso = new Date(trade.ms).toISOString();
      if (row.children[2].dateTime !== iso) {
        row.children[2].dateTime = row.children[2].title = iso;
        setText(row.children[2], clockOf(trade.ms));
      }
    }
  }
}
