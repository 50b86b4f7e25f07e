// What an act of the reader does to the fields of the order form: a click in the book, the slider, the best prices.

import { forField } from "./decimal.js";
import { byId } from "./dom.js";
import { Slider } from "./slider.js";

// The slider at its place, with `follow` to be called after every change of the fields.
export function sliderOf(form) {
  const slider = new Slider(byId("part"), (part) => takePart(form, part));
  slider.follow = () => {
    const lots = form.lots(), most = mostLots(form);
    slider.show(most && lots ? Number((lots * 100n) / most) : 0, lots ? `${form.market.amount(lots)} ${form.market.base}` : "");
  };
  return slider;
}

// From a click in the book or tape: the price, and the amount up to a level when its size was meant.
export function take(form, { price, lots }) {
  if (form.priced()) form.price.value = forField(price);
  else if (form.kind === "stop") byId("trigger").value = forField(price);
  if (lots) {
    const most = mostLots(form);
    form.amount.value = forField(form.market.amount(most !== null && most > 0n && most < lots ? most : lots));
    form.typed = "amount";
  }
  form.compute();
  form.clearErrors();
  form.refresh();
  form.amount.focus({ preventScroll: true });
}

// The best "bid" or "ask", or "mid" between the two, as the price.
export function takeBest(form, name) {
  const bid = form.depth.best("bid"), ask = form.depth.best("ask"), both = bid !== null && ask !== null;
  const ticks = name === "bid" ? bid : name === "ask" ? ask : both ? (bid + ask) / 2n : null;
  if (ticks === null) return;
  form.price.value = forField(form.market.price(ticks));
  form.price.dispatchEvent(new Event("input"));
}

// The most that the balance allows: {text, take}, or null.
export function most(form) {
  const lots = mostLots(form);
  if (!lots) return null;
  const text = forField(form.market.amount(lots));
  const use = () => {
    form.amount.value = text;
    form.amount.dispatchEvent(new Event("input"));
    form.amount.focus();
  };
  return { text, take: use };
}

// Lots that the balance allows at the present rate; null when unknown.
function mostLots(form) {
  const { market } = form, held = form.money();
  if (!held) return null;
  if (form.side === "sell") return held.base / market.baseUnitsPerLot;
  const rate = form.rate();
  return rate === null ? null : market.lotsFor(held.quote, rate);
}

function takePart(form, part) {
  const { market } = form, held = form.money();
  if (!held) return;
  form.clearErrors();
  if (form.kind === "market" && form.side === "buy") {
    form.total.value = forField(market.quoteText((held.quote * BigInt(part)) / 100n));
    form.typed = "total";
  } else {
    const lots = mostLots(form);
    if (lots === null) return;
    form.amount.value = forField(market.amount((lots * BigInt(part)) / 100n));
    form.typed = "amount";
  }
  form.compute();
  form.refresh();
}
