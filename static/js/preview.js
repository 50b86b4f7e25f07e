// What an order would do against the book we hold: the same rules as the engine's, in whole numbers. Pure.

import { grouped, percent } from "./decimal.js";
import { t } from "./speech.js";

const MILLION = 1000000n;

// The fee of a received amount, rounded up as the engine does.
export function feeOf(units, ppm) {
  return (units * ppm + MILLION - 1n) / MILLION;
}

// How far from the best price a market order may go: the market's impact bound, or null.
function bound(market, side, best) {
  const ppm = side === "buy" ? market.maxImpactPpm : market.minImpactPpm;
  if (ppm == null || best === null) return null;
  return side === "buy" ? (best * BigInt(ppm)) / MILLION : (best * BigInt(ppm) + MILLION - 1n) / MILLION;
}

// Walk the other side. Either `lots` or `quoteUnits` limits the order; `ticks` null means at any price. Matching ends at
// the first level in `own`, where an order of the reader's stands.
export function walk(market, levels, side, { ticks = null, lots = null, quoteUnits = null }, own = new Set()) {
  let filled = 0n, value = 0n, depth = 0, worst = null, stopped = null;
  const limit = ticks ?? bound(market, side, levels[0]?.[0] ?? null);
  for (const [price, size] of levels) {
    if (limit !== null && (side === "buy" ? price > limit : price < limit)) break;
    if (own.has(price)) {
      stopped = price;
      break;
    }
    let take = lots !== null ? lots - filled : market.lotsFor(quoteUnits - value, price);
    if (take > size) take = size;
    if (take <= 0n) break;
    filled += take;
    value += market.notional(price, take);
    worst = price;
    depth += 1;
  }
  return { filled, value, depth, worst, stopped };
}

// `wish`: {side, limit, ticks, lots, quoteUnits, tif, postOnly}; `money`: {base, quote} available units, or null; `own`:
// the reader's own levels of the other side. Answers {fate, tone, average, slippage, away, atBest, filled, feeName, fee,
// receive, after, need, tooLittle}.
export function preview(market, book, wish, money, own = new Set()) {
  const other = book.levels(wish.side === "buy" ? "ask" : "bid");
  const taken = walk(market, other, wish.side, wish, own);
  const best = other[0]?.[0] ?? null;
  const { limit } = wish;
  const rest = wish.lots !== null ? wish.lots - taken.filled : 0n;
  const rests = limit && (wish.tif === "GTC" || wish.tif === "GTD") && taken.stopped === null ? rest : 0n;
  const killed = limit && wish.tif === "FOK" && rest > 0n;
  const done = killed ? { ...taken, filled: 0n, value: 0n } : taken;
  const answer = { ...sums(market, wish, done, rests, money), ...fate(market, book, wish, taken, rest, killed) };
  if (limit && wish.postOnly && taken.filled > 0n) {
    answer.fate = t`Would be refused: at ${grouped(market.price(wish.ticks))} it would trade at once.`;
    answer.tone = "warn";
  }
  const average = done.filled > 0n ? done.value / (done.filled * market.quoteUnitsPerTickLot) : rests > 0n ? wish.ticks : null;
  answer.average = average;
  answer.filled = done.filled;
  answer.atBest = done.filled > 0n && best !== null ? market.notional(best, done.filled) : 1n;
  const away = done.filled > 0n && best !== null ? done.value - answer.atBest : 0n;
  answer.away = away < 0n ? -away : away;
  answer.slippage = average === null ? "\u2014" : percent(answer.away, answer.atBest, false);
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
  const need = buying && !wish.limit && wish.quoteUnits !== null ? wish.quoteUnits : given;
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
  const levels = taken.depth === 1 ? t`1 level` : t`${taken.depth} levels`;
  if (taken.stopped !== null && rest !== 0n) {
    const until = taken.filled > 0n ? t`${amount(taken.filled)} at once, then stopped` : t`Stopped`;
    return { fate: t`${until} before your own order at ${grouped(market.price(taken.stopped))}.`, tone: "warn" };
  }
  if (!wish.limit) {
    if (taken.filled === 0n) return { fate: wish.quoteUnits !== null && taken.depth === 0 && book.best(buying ? "ask" : "bid") !== null ? t`Too small for one step at the best price.` : t`Nobody is offering right now.`, tone: "warn" };
    const open = wish.lots !== null ? rest > 0n : false;
    return open ? { fate: t`Only ${amount(taken.filled)} can be filled, the rest is cancelled.`, tone: "warn" } : { fate: t`Fills at once from ${levels}.`, tone: "" };
  }
  if (killed) return { fate: t`Would be cancelled: only ${amount(taken.filled)} can be filled at once.`, tone: "warn" };
  if (rest === 0n) return { fate: t`Fills at once from ${levels}.`, tone: "" };
  if (wish.tif === "IOC") {
    return taken.filled === 0n ? { fate: t`Would be cancelled: nothing can be filled at once.`, tone: "warn" } : { fate: t`${amount(taken.filled)} at once, the rest is cancelled.`, tone: "" };
  }
  if (taken.filled > 0n) return { fate: t`${amount(taken.filled)} at once, ${amount(rest)} rests.`, tone: "" };
  let level = 1, ahead = 0n;
  for (const [ticks, lots] of book.levels(buying ? "bid" : "ask")) {
    const better = buying ? ticks > wish.ticks : ticks < wish.ticks;
    if (!better && ticks !== wish.ticks) break;
    ahead += lots;
    if (better) level += 1;
  }
  return { fate: ahead === 0n ? t`Rests as the best price.` : t`Rests at level ${level}, ${amount(ahead)} ahead.`, tone: "" };
}

// What a waiting order will do, in a sentence. `last`: the last price in ticks, or null.
export function waitingFate(market, wish, last) {
  const then = wish.limit ? t`a limit order at ${grouped(market.price(wish.ticks))}` : t`a market order`;
  if (wish.kind === "trailing") {
    const best = wish.side === "buy" ? t`lowest` : t`highest`;
    return t`Waits until the price comes back by ${grouped(market.price(wish.delta))} from its ${best}, then ${then}. No money is held.`;
  }
  const above = last === null ? wish.side === "buy" : wish.trigger >= last;
  const trigger = grouped(market.price(wish.trigger)), at = above ? t`a trade at or above ${trigger}` : t`a trade at or below ${trigger}`;
  return wish.kind === "oco" ? t`Rests at ${grouped(market.price(wish.ticks))}; ${at} places the stop instead.` : t`Waits for ${at}, then ${then}. No money is held.`;
}
