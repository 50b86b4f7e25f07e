// The kinds of orders: what the fields of each mean. Pure.

import { entered } from "./decimal.js";

export const waits = (wish) => wish.kind === "stop" || wish.kind === "trailing";
export const priced = (kind, exec) => kind === "limit" || kind === "oco" || ((kind === "stop" || kind === "trailing") && exec === "limit");

// The first thing that the preview counts with and that is not there: "amount", "price", "trigger" or "delta"; else null.
export function missing(wish) {
  if (!wish.lots && !wish.quoteUnits) return "amount";
  if (wish.limit && !wish.ticks) return "price";
  if ((wish.kind === "stop" || wish.kind === "oco") && !wish.trigger) return "trigger";
  return wish.kind === "trailing" && !wish.delta ? "delta" : null;
}

// `fields`: the texts of the form by name; null where a number is empty or wrong. `byTotal`: the total was typed.
export function wishOf(market, fields, byTotal) {
  const read = (name, parse) => {
    const plain = entered(fields[name]);
    return plain === null ? null : market[parse](plain);
  };
  const { side, kind, exec, tif } = fields, limit = priced(kind, exec), byQuote = kind === "market" && byTotal;
  return {
    side, kind, exec, limit, ticks: limit ? read("price", "ticks") : null,
    lots: byQuote ? null : read("amount", "lots"), quoteUnits: byQuote ? read("total", "quoteUnits") : null,
    tif: kind === "market" ? "GTC" : tif, until: tif === "GTD" && kind !== "market" ? Date.parse(`${fields.until}Z`) : null,
    postOnly: kind === "limit" && fields.post_only,
    trigger: kind === "stop" || kind === "oco" ? read("trigger", "ticks") : null,
    delta: kind === "trailing" ? read("delta", "ticks") : null,
    stopTicks: kind === "oco" && fields.stop_price.trim() ? read("stop_price", "ticks") : null,
    display: kind === "limit" && fields.iceberg ? read("display", "lots") : null,
    takeProfit: exitOf(fields, "take_profit", read), stopLoss: exitOf(fields, "stop_loss", read),
  };
}

function exitOf(fields, name, read) {
  return fields.exits && (fields.kind === "limit" || fields.kind === "market") && fields[name].trim() ? read(name, "ticks") : null;
}
