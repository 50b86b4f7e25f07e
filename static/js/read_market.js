// The market in a sentence, for those who cannot watch it.

import { say } from "./dom.js";
import { t } from "./speech.js";

export function readMarket(market, depth, last) {
  const bid = depth.best("bid"), ask = depth.best("ask");
  const price = (ticks) => (ticks === null ? t`none` : market.price(ticks));
  const change = document.querySelector("[data-change]")?.textContent ?? "";
  say(t`${market.name}: last ${price(last)}, best bid ${price(bid)}, best ask ${price(ask)}, 24 hour change ${change}.`);
}
