// Whether the market takes orders. No stream tells, so an open page asks, and at once after a refusal.

import { getState } from "./api.js";
import { all, byId, say, setText } from "./dom.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

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
      this.#take(await getState(this.market.stateUrl));
    } catch (error) {
      console.warn(`The state of the market is not known: ${error.message}`);
    }
  }

  // Something was refused: the state may have changed this moment.
  suspect() {
    this.ask();
    setTimeout(() => this.ask(), AGAIN_MS);
  }

  #take({ state, word, sentence }) {
    if (state === this.market.state && sentence === byId("state-note").textContent.trim()) return;
    const open = state === "Open", other = state !== this.market.state;
    this.market.state = state;
    for (const node of all("[data-state-word]")) setText(node, word);
    for (const node of all("[data-state-badge]")) node.hidden = open;
    setText(byId("state-note"), sentence);
    byId("state-note").hidden = open;
    this.onchange();
    if (!other) return;
    const title = open ? t`${this.market.name} is open again` : `${this.market.name}: ${word.toLowerCase()}`;
    say(open ? `${title}.` : sentence);
    toast(title, sentence, open ? "good" : "warn");
  }
}
