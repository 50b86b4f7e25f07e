// What an order would do against the book we hold: the same rules as the engine's, in whole numbers. Pure.

import { grouped, percent } from "./decimal.js";

const MILLION = 1000000n;

// The fee of a received amount, rounded up as the engine does.
export function feeOf(units, ppm) {
  return (units * ppm + MILLION - 1n) / MILLION;
}

// Walk the other side. Either `lots` or `quoteUnits` limits the order; `ticks` null means at any price.
export function walk(market, levels, side, { ticks = null, lots = null, quoteUnits = null }) {
  let filled = 0n, value = 0n, depth = 0, worst = null;
  for (const [price, size] of levels) {
    if (ticks !== null && (side === "buy" ? price > ticks : price < ticks)) break;
    let take = lots !== null ? lots - filled : market.lotsFor(quoteUnits - value, price);
    if (take > size) take = size;
    if (take <= 0n) break;
    filled += take;
    value += market.notional(price, take);
    worst = price;
    depth += 1;
  }
  return { filled, value, depth, worst };
}

// `wish`: {side, type, ticks, lots, quoteUnits, tif, postOnly}; `money`: {base, quote} available units, or null.
// Answers {fate, tone, refused, average, slippage, slippageTooBig, feeName, fee, receive, after, need}.
export function preview(market, book, wish, money) {
  const other = book.levels(wish.side === "buy" ? "ask" : "bid");
  const taken = walk(market, other, wish.side, wish);
  const best = other[0]?.[0] ?? null;
  const limit = wish.type === "limit";
  const rest = wish.lots !== null ? wish.lots - taken.filled : 0n;
  const rests = limit && wish.tif === "GTC" ? rest : 0n;
  const killed = limit && wish.tif === "FOK" && rest > 0n;
  const done = killed ? { ...taken, filled: 0n, value: 0n } : taken;
  const answer = { ...sums(market, wish, done, rests, money), ...fate(market, book, wish, taken, rest, killed) };
  if (limit && wish.postOnly && taken.filled > 0n) {
    answer.fate = `Would be refused: at ${grouped(market.price(wish.ticks))} it would trade at once.`;
    answer.tone = "warn";
  }
  const average = done.filled > 0n ? done.value / (done.filled * market.quoteUnitsPerTickLot) : rests > 0n ? wish.ticks : null;
  answer.average = average;
  answer.slippage = "\u2014";
  answer.slippageTooBig = false;
  if (average !== null) {
    const away = done.filled > 0n && best !== null ? done.value - market.notional(best, done.filled) : 0n;
    const base = done.filled > 0n && best !== null ? market.notional(best, done.filled) : 1n;
    const size = away < 0n ? -away : away;
    answer.slippage = percent(size, base, false);
    answer.slippageTooBig = size * 100n > base;
  }
  return answer;
}

function sums(market, wish, done, rests, money) {
  const buying = wish.side === "buy";
  const restValue = rests > 0n ? market.notional(wish.ticks, rests) : 0n;
  const baseUnits = (lots) => lots * market.baseUnitsPerLot;
  const takerFee = feeOf(buying ? baseUnits(done.filled) : done.value, market.takerPpm);
  const makerFee = feeOf(buying ? baseUnits(rests) : restValue, market.makerPpm);
  const gained = buying ? baseUnits(done.filled + rests) : done.value + restValue;
  const given = buying ? done.value + restValue : baseUnits(done.filled + rests);
  const need = buying && wish.type === "market" && wish.quoteUnits !== null ? wish.quoteUnits : given;
  const have = money && (buying ? money.quote : money.base);
  return {
    feeName: done.filled === 0n && rests > 0n ? "maker" : "taker",
    fee: takerFee + makerFee,
    receive: gained - takerFee - makerFee,
    after: have == null ? null : have - given,
    need,
    tooLittle: have != null && need > have,
  };
}

function fate(market, book, wish, taken, rest, killed) {
  const base = market.base, buying = wish.side === "buy";
  const amount = (lots) => `${grouped(market.amount(lots))} ${base}`;
  const levels = taken.depth === 1 ? "1 level" : `${taken.depth} levels`;
  if (wish.type === "market") {
    if (taken.filled === 0n) return { fate: wish.quoteUnits !== null && taken.depth === 0 && book.best(buying ? "ask" : "bid") !== null ? "Too small for one step at the best price." : "Nobody is offering right now.", tone: "warn" };
    const open = wish.lots !== null ? rest > 0n : false;
    return open ? { fate: `Only ${amount(taken.filled)} can be filled, the rest is cancelled.`, tone: "warn" } : { fate: `Fills at once from ${levels}.`, tone: "" };
  }
  if (killed) return { fate: `Would be cancelled: only ${amount(taken.filled)} can be filled at once.`, tone: "warn" };
  if (rest === 0n) return { fate: `Fills at once from ${levels}.`, tone: "" };
  if (wish.tif === "IOC") {
    return taken.filled === 0n ? { fate: "Would be cancelled: nothing can be filled at once.", tone: "warn" } : { fate: `${amount(taken.filled)} at once, the rest is cancelled.`, tone: "" };
  }
  if (taken.filled > 0n) return { fate: `${amount(taken.filled)} at once, ${amount(rest)} rests.`, tone: "" };
  let level = 1, ahead = 0n;
  for (const [ticks, lots] of book.levels(buying ? "bid" : "ask")) {
    const better = buying ? ticks > wish.ticks : ticks < wish.ticks;
    if (!better && ticks !== wish.ticks) break;
    ahead += lots;
    if (better) level += 1;
  }
  return { fate: ahead === 0n ? "Rests as the best price." : `Rests at level ${level}, ${amount(ahead)} ahead.`, tone: "" };
}
