// What the form says before an order is sent: outcome, average, slippage, fee, what arrives and what is left.

import { UNKNOWN, grouped, percent } from "./decimal.js";
import { byId, setText } from "./dom.js";
import { preview, waitingFate } from "./preview.js";
import { t } from "./speech.js";
import { missing, waits } from "./terms.js";

function wanted(field) {
  if (field === "price") return t`Enter a price to see what will happen.`;
  if (field === "trigger") return t`Enter a stop price to see what will happen.`;
  if (field === "delta") return t`Enter a distance to see what will happen.`;
  return t`Enter an amount to see what will happen.`;
}

// `form` knows the market, the book, own levels and the last price; `held`: available units, or null. Answers the preview,
// or null where an order waits or a field is missing.
export function tell(form, wish, held) {
  const { market } = form, buying = wish.side === "buy", lacks = missing(wish), known = lacks === null;
  const [given, text] = buying ? [market.quote, (units) => market.quoteText(units)] : [market.base, (units) => market.baseText(units)];
  const set = (id, words) => setText(byId(id), words);
  const waiting = known && (waits(wish) || wish.kind === "oco") ? waitingFate(market, wish, form.last()) : null;
  const answer = known && !waits(wish) ? preview(market, form.depth, wish, held, form.own(buying ? "ask" : "bid")) : null;
  byId("fate").parentElement.classList.toggle("warn", Boolean(answer && (answer.tone === "warn" || answer.tooLittle)));
  const short = answer?.tooLittle ? t`Needs ${grouped(text(answer.need))} ${given}, you have ${grouped(text(buying ? held.quote : held.base))}.` : null;
  set("fate", short ?? waiting ?? answer?.fate ?? wanted(lacks));
  set("average", answer?.average != null ? grouped(market.price(answer.average)) : UNKNOWN);
  set("slippage", answer?.slippage ?? UNKNOWN);
  const maker = answer?.feeName === "maker", rate = percent(maker ? market.makerPpm : market.takerPpm, 1000000n, false);
  set("fee-name", maker ? t`Fee, maker ${rate}` : t`Fee, taker ${rate}`);
  const got = (units) => (buying ? `${grouped(market.baseText(units))} ${market.base}` : `${grouped(market.quoteText(units))} ${market.quote}`);
  set("fee", answer ? got(answer.fee) : UNKNOWN);
  set("receive", answer ? got(answer.receive) : UNKNOWN);
  set("after", answer?.after != null && answer.after >= 0n ? grouped(text(answer.after)) : UNKNOWN);
  return answer;
}
