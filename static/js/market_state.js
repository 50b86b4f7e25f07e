// Whether the market takes orders. No stream tells, so an open page asks, and at once after a refusal.

import { getState } from "./api.js";
import { byId } from "./dom.js";
import { late } from "./late.js";

const ASK_EVERY_MS = 5000;
const AGAIN_MS = 1000; // The answer follows the engine within a second.

// True when an order of this kind is not taken; the same rule as the engine's.
export function refuses(state, type, tif) {
  if (state === "Open") return false;
  if (state === "CancelOnly" || state === "Closed" || type === "market") return true;
  return (state === "PostOnly" || state === "Auction") && tif !== "GTC" && tif !== "GTD";
}

export class MarketState {
  // `onchange` hears of every other state, after `market.state` says it.
  constructor(market, onchange) {
    Object.assign(this, { market, onchange });
    setInterval(() => this.ask(), ASK_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.ask());
  }

  async ask() {
    if (document.visibilityState === "hidden") return;
    try {
      await this.#take(await getState(this.market.stateUrl));
    } catch (error) {
      console.warn(`The state of the market is not known: ${error.message}`);
    }
  }

  // Something was refused: the state may have changed this moment.
  suspect() {
    this.ask();
    setTimeout(() => this.ask(), AGAIN_MS);
  }

  // What shows a change is loaded with the first.
  async #take(now) {
    const { market } = this;
    if (now.state === market.state && now.sentence === byId("state-note").textContent.trim()) return;
    const { showState } = await late(() => import("./market_state_told.js"));
    showState(market, now);
    this.onchange();
  }
}
