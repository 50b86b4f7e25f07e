// The order book of one market: snapshot by REST, changes by stream, started over whenever a change is missing.

const RETRY_MS = 1000;

export class Depth {
  // `fetchSnapshot` answers the REST depth; `onchange` hears of every change, `onstate` "checking" and "live".
  constructor(market, fetchSnapshot, onchange, onstate = () => {}) {
    this.market = market;
    this.fetchSnapshot = fetchSnapshot;
    this.onchange = onchange;
    this.onstate = onstate;
    this.bids = new Map();
    this.asks = new Map();
    this.updateId = null;
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
    this.bids = this.#side(snapshot.bids);
    this.asks = this.#side(snapshot.asks);
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

  #side(levels) {
    return new Map(levels.map(([price, size]) => [this.market.ticks(price), this.market.lots(size)]));
  }

  #apply(frame) {
    for (const [side, levels] of [[this.bids, frame.b], [this.asks, frame.a]]) {
      for (const [price, size] of levels) {
        const lots = this.market.lots(size);
        if (lots === 0n) side.delete(this.market.ticks(price));
        else side.set(this.market.ticks(price), lots);
      }
    }
    this.updateId = frame.u;
  }

  // `[ticks, lots]`, best price first; `step` ticks are one level (bids down, asks up, never better than real).
  levels(side, step = 1n) {
    const source = side === "bid" ? this.bids : this.asks;
    let levels = [...source];
    if (step > 1n) {
      const sums = new Map();
      for (const [ticks, lots] of levels) {
        const key = side === "bid" ? (ticks / step) * step : ((ticks + step - 1n) / step) * step;
        sums.set(key, (sums.get(key) ?? 0n) + lots);
      }
      levels = [...sums];
    }
    const sign = side === "bid" ? -1 : 1;
    return levels.sort((a, b) => (a[0] < b[0] ? -sign : sign));
  }

  best(side) {
    let best = null;
    for (const ticks of (side === "bid" ? this.bids : this.asks).keys()) {
      if (best === null || (side === "bid" ? ticks > best : ticks < best)) best = ticks;
    }
    return best;
  }
}
