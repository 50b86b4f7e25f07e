// Orders that look like a slip of the finger: what is odd about them, and the question before they are sent.

import { grouped, percent } from "./decimal.js";
import { confirmed } from "./dom.js";
import { prefs } from "./prefs.js";

const more = (part, whole, percents) => part * 100n > whole * BigInt(percents);

// The first odd thing: {title, text, no, price} or null. `answer` is the preview, `held` the available units.
export function slips(market, depth, wish, answer, held) {
  const buying = wish.side === "buy", best = depth.best(buying ? "ask" : "bid"), verb = buying ? "buying" : "selling";
  if (wish.limit && best !== null) {
    const worse = buying ? wish.ticks - best : best - wish.ticks;
    if (more(worse, best, prefs.farPercent)) {
      const at = grouped(market.price(wish.ticks)), text = `You are ${verb} at ${at}. The best ${buying ? "ask" : "bid"} is ${grouped(market.price(best))}, so you ${buying ? "offer" : "give up"} ${percent(worse, best, false)} more than needed. The order would fill at once, ${buying ? "at up to" : "down to"} ${at}.`;
      return { title: "This price is far from the market", text, no: "Change price", price: market.price(best) };
    }
  }
  if (!answer) return null;
  const no = "Change amount", title = "This order moves the market";
  if (more(answer.away, answer.atBest, prefs.slippagePercent)) return { title, text: `Slippage would be ${answer.slippage}.`, no };
  const there = depth.levels(buying ? "ask" : "bid").reduce((sum, [, lots]) => sum + lots, 0n);
  if (there && more(answer.filled, there, prefs.depthPercent)) {
    return { title, text: `It takes ${percent(answer.filled, there, false)} of everything that is ${buying ? "offered" : "bid"} in the book.`, no };
  }
  const have = held && (buying ? held.quote : held.base);
  if (wish.kind === "market" && have && more(answer.need, have, prefs.balancePercent)) {
    return { title: "This is a large part of your balance", text: `The order uses ${percent(answer.need, have, false)} of your ${buying ? market.quote : market.base}.`, no };
  }
  if (document.documentElement.dataset.confirm !== "on") return null;
  const what = wish.quoteUnits !== null ? `for ${grouped(market.quoteText(wish.quoteUnits))} ${market.quote}` : `${grouped(market.amount(wish.lots))} ${market.base}`;
  return { title: `${buying ? "Buy" : "Sell"} ${what}?`, text: answer.fate, no: "Not yet", yes: "Send" };
}

// True when the reader goes on. `use` hears the better price when that is chosen.
export function ask({ title, text, no, price, yes = "Send anyway" }, use) {
  const other = price ? { label: `Use ${grouped(price)}`, run: () => use(price) } : null;
  return confirmed(title, text, yes, no, other);
}
