// Orders that look like a slip of the finger: what is odd about them, and the question before they are sent.

import { confirmed } from "./ask.js";
import { grouped, percent } from "./decimal.js";
import { prefs } from "./prefs.js";
import { t } from "./speech.js";

const more = (part, whole, percents) => part * 100n > whole * BigInt(percents);

// The first odd thing: {title, text, no, price} or null. `answer` is the preview, `held` the available units.
export function slips(market, depth, wish, answer, held) {
  const buying = wish.side === "buy", best = depth.best(buying ? "ask" : "bid");
  if (wish.limit && best !== null) {
    const worse = buying ? wish.ticks - best : best - wish.ticks;
    if (more(worse, best, prefs.farPercent)) {
      const at = grouped(market.price(wish.ticks)), there = grouped(market.price(best)), by = percent(worse, best, false);
      const text = buying
        ? t`You are buying at ${at}. The best ask is ${there}, so you offer ${by} more than needed. The order would fill at once, at up to ${at}.`
        : t`You are selling at ${at}. The best bid is ${there}, so you give up ${by} more than needed. The order would fill at once, down to ${at}.`;
      return { title: t`This price is far from the market`, text, no: t`Change price`, price: market.price(best) };
    }
  }
  if (!answer) return null;
  const no = t`Change amount`, title = t`This order moves the market`;
  if (more(answer.away, answer.atBest, prefs.slippagePercent)) return { title, text: t`Slippage would be ${answer.slippage}.`, no };
  const there = depth.levels(buying ? "ask" : "bid").reduce((sum, [, lots]) => sum + lots, 0n);
  if (there && more(answer.filled, there, prefs.depthPercent)) {
    const part = percent(answer.filled, there, false);
    return { title, text: buying ? t`It takes ${part} of everything that is offered in the book.` : t`It takes ${part} of everything that is bid in the book.`, no };
  }
  const have = held && (buying ? held.quote : held.base);
  if (wish.kind === "market" && have && more(answer.need, have, prefs.balancePercent)) {
    return { title: t`This is a large part of your balance`, text: t`The order uses ${percent(answer.need, have, false)} of your ${buying ? market.quote : market.base}.`, no };
  }
  if (document.documentElement.dataset.confirm !== "on") return null;
  const what = wish.quoteUnits !== null ? t`for ${grouped(market.quoteText(wish.quoteUnits))} ${market.quote}` : `${grouped(market.amount(wish.lots))} ${market.base}`;
  return { title: buying ? t`Buy ${what}?` : t`Sell ${what}?`, text: answer.fate, no: t`Not yet`, yes: t`Send` };
}

// True when the reader goes on. `use` hears the better price when that is chosen.
export function ask({ title, text, no, price, yes = t`Send anyway` }, use) {
  const other = price ? { label: t`Use ${grouped(price)}`, run: () => use(price) } : null;
  return confirmed(title, text, yes, no, other);
}
