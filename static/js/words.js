// Sentences: what became of an order, and why one was refused. The fact first, then the way out.

import { grouped, trimmed } from "./decimal.js";
import { t } from "./speech.js";

export const NO_ANSWER = t`No answer yet. We are asking the engine what became of this order. Do not send it again.`;

const END_WORDS = {
  ImmediateOrCancel: t`the rest was cancelled: no more offers at this price or better`,
  FillOrKill: t`cancelled: it could not be filled completely at once`,
  InsufficientLiquidity: t`the rest was cancelled: nobody offers more`,
  InsufficientFunds: t`the rest was cancelled: the balance did not reach further`,
  SelfTradePrevention: t`stopped before your own order`,
  GoodTillDate: t`its time was over`,
  PriceOutOfBounds: t`the rest was cancelled: the price had left the market's bounds`,
  PriceImpact: t`the rest was cancelled: it would have moved the price too far`,
  SlippageToleranceExceeded: t`the rest was cancelled: the price was beyond your slippage tolerance`,
};

export function endWords(reason) {
  return END_WORDS[reason] ?? t`the rest was cancelled`;
}

// The REST answer of a placed order: {title, text, tone, toast}. Fills are told by the stream, so those need no toast here.
export function outcomeOf(market, order) {
  const verb = order.side === "Bid" ? t`Buy` : t`Sell`;
  const amount = order.quantity ? `${grouped(market.amount(market.lots(order.quantity) ?? 0n))} ${market.base}` : market.base;
  const at = order.price ? t` at ${grouped(market.price(market.ticks(order.price)))}` : "";
  const traded = order.executedQuantity !== "0";
  if (order.status === "New") return { title: t`${verb} order placed`, text: t`${amount}${at} waits in the book.`, tone: "good", toast: true };
  if (order.status === "TriggerPending") return { title: t`${verb} order placed`, text: t`${amount}${at} waits for its trigger.`, tone: "good", toast: true };
  if (order.status === "PartiallyFilled") return { title: t`${verb} order partly filled`, text: t`The rest${at} waits in the book.`, tone: "good", toast: false };
  if (order.status === "Expired") {
    return { title: traded ? t`${verb} order ended early` : t`Nothing was traded`, text: `${amount}${at}: ${traded ? t`the rest was cancelled` : t`cancelled without a trade`}.`, tone: "warn", toast: !traded };
  }
  return { title: t`${verb} order filled`, text: "", tone: "good", toast: false };
}

// A refusal: {field, sentence}.
export function explain(market, error, wish, answer, held, depth) {
  const buying = wish.side === "buy", english = error.body?.message ?? error.message;
  const sentence = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`;
  const amountField = wish.quoteUnits !== null ? "total" : "amount";
  if (error.outcomeUnknown) {
    return { field: "form", sentence: t`Nobody could say what became of this order. Look at your open orders and fills before you send it again.` };
  }
  if (error.body?.executed === false) {
    return { field: "form", sentence: t`Not placed: ${sentence[0].toLowerCase()}${sentence.slice(1)} You can send it again.` };
  }
  if (error.code === "INSUFFICIENT_FUNDS" && answer && held) {
    const asset = buying ? market.quote : market.base;
    const text = (units) => grouped(buying ? market.quoteText(units) : market.baseText(units));
    return { field: amountField, sentence: t`Not enough ${asset}. This order needs ${text(answer.need)}, you have ${text(buying ? held.quote : held.base)} available.` };
  }
  if (error.code === "INSUFFICIENT_FUNDS") return { field: amountField, sentence };
  if (/immediately match/.test(english) && wish.ticks !== null) {
    const best = depth.best(buying ? "ask" : "bid");
    const rests = best === null ? "" : t` The best price that rests is ${grouped(market.price(buying ? best - 1n : best + 1n))}.`;
    return { field: "price", sentence: t`Not placed: at ${grouped(market.price(wish.ticks))} it would have traded at once.${rests}` };
  }
  if (error.code === "INVALID_PRICE" || /^price/i.test(english)) return { field: wish.limit ? "price" : "form", sentence };
  if (/^(The trigger|trigger)/.test(english)) return { field: wish.kind === "trailing" ? "delta" : wish.kind === "stop" || wish.kind === "oco" ? "trigger" : "form", sentence };
  if (/^expireTime/.test(english)) return { field: "until", sentence };
  if (error.code === "INVALID_QUANTITY" || /^quantity/i.test(english)) return { field: amountField, sentence };
  if (error.code === "TOO_MANY_REQUESTS") return { field: "form", sentence: t`Too many requests. Try again in a few seconds.` };
  return { field: "form", sentence };
}

// One toast for the fills of one order within a moment.
export function fillsTold(market, fills) {
  const last = fills.at(-1), { symbol } = last;
  const pair = market.pair(symbol), [base, quote] = symbol.split("_");
  const lots = fills.reduce((sum, fill) => sum + fill.lots, 0n);
  const value = fills.reduce((sum, fill) => sum + fill.lots * fill.ticks, 0n);
  const fee = fills.reduce((sum, fill) => sum + fill.fee, 0n);
  const verb = last.side === "Bid" ? t`Bought` : t`Sold`;
  const state = last.status === "Filled" ? t`is complete` : t`is partly filled`;
  const average = lots ? value / lots : last.ticks, paid = last.rebate ? t`Rebate` : t`Fee`;
  return {
    title: t`${verb} ${grouped(trimmed(lots, pair.quantityDecimals, pair.quantityDecimals))} ${base} at ${grouped(trimmed(average, pair.priceDecimals, pair.priceDecimals))} ${quote}`,
    text: t`Order ${last.order} ${state}. ${paid} ${grouped(trimmed(fee, 18))} ${last.feeAsset}.`,
  };
}
