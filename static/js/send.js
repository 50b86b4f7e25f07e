// Sending an order: what is wrong with the fields, the question before a slip, the order itself, and what became of it.

import { placeOrder } from "./api_late.js";
import { entered } from "./decimal.js";
import { byId, say } from "./dom.js";
import { most } from "./order_form_acts.js";
import { amountProblem, priceProblem } from "./problems.js";
import { sendOnce } from "./sending.js";
import { ask, slips } from "./slips.js";
import { t } from "./speech.js";
import { waits } from "./terms.js";
import { toast } from "./toasts.js";
import { NO_ANSWER, explain, outcomeOf } from "./words.js";

const DAY_MS = 86400000;
const LONGEST_DAYS = 366;

// The first thing that is wrong, as [field, sentence]; null when the order can be sent.
export function problemOf(market, fields, wish) {
  const price = (name) => {
    const problem = priceProblem(market, entered(fields[name]));
    return problem && [name, problem];
  };
  const { kind } = wish;
  const amount = kind === "market" && wish.lots === null && wish.quoteUnits !== null ? null : amountProblem(market, entered(fields.amount));
  return (
    ((kind === "stop" || kind === "oco") && price("trigger")) || (kind === "trailing" && price("delta")) || (wish.limit && price("price")) ||
    (kind === "oco" && fields.stop_price.trim() && price("stop_price")) || (amount && [wish.quoteUnits === null ? "amount" : "total", amount]) ||
    (wish.limit && !market.fits(wish.ticks, wish.lots) && ["amount", t`Price times amount is too large.`]) ||
    untilProblem(wish) || displayProblem(market, fields, wish) || exitsProblem(fields, wish, price) || null
  );
}

function untilProblem({ until }) {
  if (until === null) return null;
  if (!(until > Date.now())) return ["until", t`Choose a moment that is still to come, in UTC.`];
  return until > Date.now() + LONGEST_DAYS * DAY_MS ? ["until", t`An order waits ${LONGEST_DAYS} days at most.`] : null;
}

function displayProblem(market, fields, wish) {
  if (wish.kind !== "limit" || !fields.iceberg) return null;
  const problem = amountProblem(market, entered(fields.display));
  if (problem) return ["display", problem];
  if (wish.display >= wish.lots) return ["display", t`Show less than the whole amount.`];
  return wish.display * 100n < wish.lots ? ["display", t`Show at least a hundredth: ${market.amount((wish.lots + 99n) / 100n)} ${market.base}.`] : null;
}

function exitsProblem(fields, wish, price) {
  if (!fields.exits || (wish.kind !== "limit" && wish.kind !== "market")) return null;
  const names = ["take_profit", "stop_loss"].filter((name) => fields[name].trim());
  if (!names.length) return ["take_profit", t`Enter a price for one of the two, or take the tick away.`];
  for (const name of names) if (price(name)) return price(name);
  if (wish.ticks === null) return null;
  const buying = wish.side === "buy", { takeProfit, stopLoss, ticks } = wish;
  if (takeProfit !== null && (buying ? takeProfit <= ticks : takeProfit >= ticks)) return ["take_profit", buying ? t`It has to lie above the price.` : t`It has to lie below the price.`];
  if (stopLoss !== null && (buying ? stopLoss >= ticks : stopLoss <= ticks)) return ["stop_loss", buying ? t`It has to lie below the price.` : t`It has to lie above the price.`];
  return null;
}

// The body that is sent: one order, or the two of a pair.
export function orderOf(market, wish) {
  const side = wish.side === "buy" ? "Bid" : "Ask", price = (ticks) => market.price(ticks);
  const order = { symbol: market.symbol, side, orderType: wish.limit ? "Limit" : "Market" };
  const time = wish.tif === "GTD" ? { timeInForce: "GTD", expireTime: wish.until } : {};
  if (wish.quoteUnits !== null) order.quoteQuantity = market.quoteText(wish.quoteUnits);
  else order.quantity = market.amount(wish.lots);
  if (wish.limit) Object.assign(order, { price: price(wish.ticks), timeInForce: wish.kind === "oco" && wish.tif !== "GTD" ? "GTC" : wish.tif });
  if (wish.kind === "limit") order.postOnly = wish.postOnly;
  Object.assign(order, time);
  if (wish.display !== null) order.displayQuantity = market.amount(wish.display);
  if (wish.takeProfit !== null) order.takeProfitTriggerPrice = price(wish.takeProfit);
  if (wish.stopLoss !== null) order.stopLossTriggerPrice = price(wish.stopLoss);
  if (wish.kind === "stop") Object.assign(order, { triggerPrice: price(wish.trigger), triggerQuantity: order.quantity });
  if (wish.kind === "trailing") order.trailingDelta = price(wish.delta);
  if (wish.kind !== "oco") return order;
  const stop = { symbol: order.symbol, side, orderType: "Market", triggerPrice: price(wish.trigger), triggerQuantity: order.quantity, ...time };
  if (wish.stopTicks !== null) Object.assign(stop, { orderType: "Limit", price: price(wish.stopTicks) });
  return [order, stop];
}

// Ask before what looks like a slip of the finger; true when the order is meant.
async function sure(form, wish) {
  if (waits(wish)) return true;
  const slip = slips(form.market, form.depth, wish, form.answer, form.money());
  return slip === null || ask(slip, (price) => form.take({ price, lots: null }));
}

// What the form says, unless it is wrong or the reader thinks better of it. What is wrong is said at its field.
export async function sendForm(form) {
  const wish = form.wish(), problem = problemOf(form.market, form.fields(), wish);
  if (problem) {
    form.fail(...problem);
    return byId(problem[0])?.focus();
  }
  await form.loadPreview(); // The questions below need its figures.
  if (!form.telling) return form.fail("form", t`Nothing was sent: the server cannot be reached. Try again in a moment.`);
  form.draw();
  if (!(await sure(form, wish))) return;
  form.setBusy(true);
  await send(form, wish);
}

async function send(form, wish) {
  const { market } = form, fail = (...told) => form.fail(...told);
  const noAnswer = () => {
    fail("form", NO_ANSWER);
    byId("form-error").classList.add("warn");
  };
  try {
    const placed = await sendOnce(placeOrder, orderOf(market, wish), noAnswer);
    fail("form", null);
    form.onplaced(placed);
    const pair = { title: t`Both orders placed`, text: t`When one trades or fires, the other is cancelled.`, tone: "good", toast: true };
    const told = Array.isArray(placed) ? pair : outcomeOf(market, placed);
    say(told.title);
    if (told.toast) toast(told.title, told.text, told.tone);
  } catch (error) {
    fail("form", null);
    const told = explain(market, error, wish, form.answer, form.money(), form.depth), all = most(form);
    fail(told.field, told.sentence, error.code === "INSUFFICIENT_FUNDS" && all ? { label: t`Use ${all.text} ${market.base}`, run: all.take } : null);
    byId("form-error").classList.toggle("warn", error.outcomeUnknown === true);
    if (told.field !== "form") byId(told.field)?.focus();
    form.onrefused();
  }
}
