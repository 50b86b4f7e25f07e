// What only somebody who is logged in has on the trading page: orders, fills, balances, and the stream of their changes.

import { getCapital, getFills } from "./api.js";
import { toUnits } from "./decimal.js";
import { all, say } from "./dom.js";
import { Orders, showBalance } from "./orders.js";
import { t } from "./speech.js";
import { wanted } from "./toasts.js";

export class Own {
  // `onmoney` hears of every balance, `onopen` of the open orders of this market, `onfill` of a fill.
  constructor(market, { onmoney, onopen, onfill }) {
    Object.assign(this, { market, onmoney, onfill });
    this.capital = new Map();
    this.orders = new Orders(market, onopen);
    for (const faucet of all("[data-faucet]")) {
      faucet.addEventListener("submit", async (event) => {
        event.preventDefault();
        (await wanted(() => import("./faucet.js")))?.asked(faucet.getAttribute("action"), this);
      });
    }
  }

  // Available units of the two assets of this market; null until they are known.
  money() {
    if (!this.capital.size) return null;
    const { market } = this, units = (asset, decimals) => toUnits(this.capital.get(asset)?.available ?? "0", decimals) ?? 0n;
    return { base: units(market.base, market.baseDecimals), quote: units(market.quote, market.quoteDecimals) };
  }

  async refresh() {
    const [money] = await Promise.all([getCapital(), this.orders.refresh()]);
    for (const [asset, amounts] of Object.entries(money)) this.#balance(asset, amounts);
  }

  hear(socket) {
    socket.hear("account.orderUpdate", (frame) => {
      this.orders.event(frame);
      if (frame.e === "orderFill") this.onfill({ symbol: frame.s, time: Math.floor(frame.T / 1000000), bought: frame.S === "Bid" });
      if (["orderFill", "orderExpired", "triggerFailed"].includes(frame.e)) this.#told(frame);
      if (frame.e === "orderCancelled") say(t`Order cancelled.`);
    });
    socket.hear("account.balanceUpdate", (frame) => this.#balance(frame.a, { available: frame.A, locked: frame.L }));
  }

  async fillMarks() {
    const fills = await getFills({ symbol: this.market.symbol });
    return fills.map((fill) => ({ time: Math.floor(Date.parse(`${fill.timestamp}Z`) / 1000), bought: fill.side === "Bid" }));
  }

  #balance(asset, money) {
    this.capital.set(asset, money);
    showBalance(asset, money);
    this.onmoney();
  }

  async #told(frame) {
    const loaded = await wanted(() => import("./news.js"));
    this.news ??= loaded && new loaded.News(this.market);
    this.news?.hear(frame);
  }
}
