// The order book of one market: snapshot by REST, changes by stream, started over whenever a change is missing or the
// server's checksum says that ours is another book.

import { crc32 } from "./crc32.js";

const RETRY_MS = 1000;
const PROVED_LEVELS = 10;

// One side, kept in order: prices best first, and the lots of each.
class Side {
  constructor(falling, levels = []) {
    this.falling = falling;
    this.lots = new Map(levels);
    this.prices = [...this.lots.keys()].sort((a, b) => (this.#before(a, b) ? -1 : 1));
  }

  get size() {
    return this.prices.length;
  }

  #before(a, b) {
    return this.falling ? a > b : a < b;
  }

  // Zero lots take the level away.
  set(ticks, lots) {
    const known = this.lots.has(ticks);
    if (lots > 0n) this.lots.set(ticks, lots);
    else this.lots.delete(ticks);
    if (known === lots > 0n) return;
    let low = 0, high = this.prices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#before(this.prices[middle], ticks)) low = middle + 1;
      else high = middle;
    }
    this.prices.splice(low, known ? 1 : 0, ...(known ? [] : [ticks]));
  }
}

export class Depth {
  // `fetchSnapshot` answers the REST depth; `onchange` hears of every change, `onstate` "checking" and "live".
  constructor(market, fetchSnapshot, onchange, onstate = () => {}) {
    this.market = market;
    this.fetchSnapshot = fetchSnapshot;
    this.onchange = onchange;
    this.onstate = onstate;
    this.bids = new Side(true);
    this.asks = new Side(false);
    this.updateId = null;
    this.proved = null; // The last update whose checksum was ours.
    this.proof = null;
    this.waiting = [];
    this.loading = false;
  }

  frame(data) {
    if (this.updateId === null) {
      this.waiting.push(data);
      return;
    }
    if (data.u <= this.updateId) return;
    if (data.U !== this.updateId + 1) {
      this.waiting = [data];
      this.resync();
      return;
    }
    this.#apply(data);
    this.onchange();
  }

  // What the server's book came to after change `u`. Ours is compared as soon as it is there.
  checksum({ u, c }) {
    this.proof = { u, c };
    this.#prove();
  }

  #prove() {
    if (this.proof === null || this.updateId === null || this.proof.u > this.updateId) return;
    const { u, c } = this.proof;
    this.proof = null;
    if (u !== this.updateId) return;
    if (this.sum() === c) {
      this.proved = u;
      return;
    }
    console.warn(`The book is another one than the server's at update ${u}: fetched again.`);
    this.resync();
  }

  // CRC32 of the ten best asks, rising, and the ten best bids, falling: digits of price and size without the point.
  sum() {
    const { market } = this;
    const text = (levels) => levels.map(([ticks, lots]) => `${ticks * market.tickScaled}${lots * market.stepScaled}`).join("");
    return crc32(text(this.levels("ask", 1n, PROVED_LEVELS)) + text(this.levels("bid", 1n, PROVED_LEVELS)));
  }

  // Forget and fetch. Frames that arrive meanwhile are kept and applied in order.
  async resync() {
    this.updateId = null;
    if (this.loading) return;
    this.loading = true;
    this.onstate("checking");
    try {
      const snapshot = await this.fetchSnapshot();
      this.loading = false;
      this.#take(snapshot);
    } catch (cause) {
      this.loading = false;
      setTimeout(() => this.updateId === null && this.resync(), RETRY_MS);
    }
  }

  #take(snapshot) {
    const last = Number(snapshot.lastUpdateId);
    const frames = this.waiting.filter((each) => each.u > last);
    this.waiting = [];
    this.bids = this.#side(true, snapshot.bids);
    this.asks = this.#side(false, snapshot.asks);
    this.updateId = last;
    for (const [index, frame] of frames.entries()) {
      const follows = index === 0 ? frame.U <= last + 1 : frame.U === this.updateId + 1;
      if (!follows) {
        this.waiting = frames.slice(index);
        this.updateId = null;
        setTimeout(() => this.resync(), 100);
        return;
      }
      this.#apply(frame);
    }
    this.onstate("live");
    this.onchange();
  }

  #side(falling, levels) {
    return new Side(falling, levels.map(([price, size]) => [this.market.ticks(price), this.market.lots(size)]));
  }

  #apply(frame) {
    for (const [side, levels] of [[this.bids, frame.b], [this.asks, frame.a]]) {
      for (const [price, size] of levels) side.set(this.market.ticks(price), this.market.lots(size));
    }
    this.updateId = frame.u;
    this.#prove();
  }

  // `[ticks, lots]`, best price first; `step` ticks are one level (bids down, asks up, never better than real).
  levels(side, step = 1n, most = Infinity) {
    const { prices, lots } = side === "bid" ? this.bids : this.asks, levels = [];
    for (const ticks of prices) {
      const key = step === 1n ? ticks : side === "bid" ? (ticks / step) * step : ((ticks + step - 1n) / step) * step;
      const last = levels.at(-1);
      if (last?.[0] === key) last[1] += lots.get(ticks);
      else if (levels.length === most) break;
      else levels.push([key, lots.get(ticks)]);
    }
    return levels;
  }

  best(side) {
    return (side === "bid" ? this.bids : this.asks).prices[0] ?? null;
  }
}
