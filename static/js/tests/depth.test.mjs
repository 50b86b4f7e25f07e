import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "../crc32.js";
import { Depth } from "../depth.js";
import { Market } from "../market.js";
import { feeOf, preview, walk } from "../preview.js";

const market = new Market({
  symbol: "SOL_USDC", base: "SOL", quote: "USDC", baseDecimals: 9, quoteDecimals: 6, priceDecimals: 2, quantityDecimals: 2,
  tickScaled: "1", stepScaled: "1", minLots: "1", baseUnitsPerLot: "10000000", quoteUnitsPerTickLot: "100",
  makerPpm: "800", takerPpm: "1000", pairs: {},
});
const snapshot = (lastUpdateId) => ({ lastUpdateId: String(lastUpdateId), asks: [["20.41", "3"], ["20.43", "1.5"]], bids: [["20.30", "2"], ["20.38", "1"]] });
const frame = (U, u, a = [], b = []) => ({ U, u, a, b });
const best = (depth) => [market.price(depth.best("bid")), market.price(depth.best("ask"))];

async function loaded(...answers) {
  const asked = [];
  const depth = new Depth(market, async () => (asked.push(1), answers.shift()), () => {});
  return [depth, asked];
}

test("frames kept before the snapshot are dropped or applied by their number", async () => {
  const [depth] = await loaded(snapshot(100));
  const done = depth.resync();
  depth.frame(frame(99, 100, [["20.41", "9"]]));
  depth.frame(frame(100, 101, [["20.41", "0"]]));
  depth.frame(frame(102, 102, [], [["20.40", "4"]]));
  await done;
  assert.deepEqual(best(depth), ["20.40", "20.43"]);
  assert.equal(depth.updateId, 102);
  depth.frame(frame(102, 102, [["20.43", "0"]]));
  assert.deepEqual(best(depth), ["20.40", "20.43"], "a frame heard twice counts once");
});

test("a missing change makes the book start over", async () => {
  const [depth, asked] = await loaded(snapshot(100), snapshot(105));
  await depth.resync();
  depth.frame(frame(104, 104, [["20.41", "0"]]));
  assert.equal(depth.updateId, null);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked.length, 2);
  assert.equal(depth.updateId, 105);
});

test("levels are best first and group away from the middle", async () => {
  const [depth] = await loaded(snapshot(1));
  await depth.resync();
  const text = (levels) => levels.map(([ticks, lots]) => `${market.price(ticks)} ${market.amount(lots)}`);
  assert.deepEqual(text(depth.levels("bid")), ["20.38 1.00", "20.30 2.00"]);
  assert.deepEqual(text(depth.levels("ask")), ["20.41 3.00", "20.43 1.50"]);
  assert.deepEqual(text(depth.levels("bid", 10n)), ["20.30 3.00"]);
  assert.deepEqual(text(depth.levels("ask", 10n)), ["20.50 4.50"]);
});

test("a checksum proves the book, and one that differs makes it start over", async () => {
  const [depth, asked] = await loaded(snapshot(100), snapshot(101));
  await depth.resync();
  const text = "2041300" + "2043150" + "2038100" + "2030200"; // Prices and sizes without points.
  depth.checksum({ u: 101, c: 1 });
  assert.equal(depth.proved, null, "a proof of what is still to come waits");
  depth.checksum({ u: 100, c: crc32(text) });
  assert.equal(depth.proved, 100);
  depth.frame(frame(101, 101, [], [["20.38", "5"]]));
  assert.equal(depth.proved, 100);
  depth.checksum({ u: 101, c: crc32(text) });
  assert.equal(depth.updateId, null);
  assert.equal(asked.length, 2);
  assert.equal(crc32("123456789"), 0xcbf43926, "the check value of CRC32");
});

test("the preview stops before an order of one's own", async () => {
  const [depth] = await loaded(snapshot(1));
  await depth.resync();
  const wish = { side: "buy", limit: false, ticks: null, lots: market.lots("4"), quoteUnits: null, tif: "GTC", postOnly: false };
  const told = preview(market, depth, wish, null, new Set([market.ticks("20.43")]));
  assert.equal(told.fate, "3.00 SOL at once, then stopped before your own order at 20.43.");
});

test("the preview says what the engine will do", async () => {
  const [depth] = await loaded(snapshot(1));
  await depth.resync();
  const wish = (more) => ({ side: "buy", limit: true, ticks: market.ticks("20.41"), lots: market.lots("4"), quoteUnits: null, tif: "GTC", postOnly: false, ...more });
  const money = { base: market.baseUnits("10"), quote: market.quoteUnits("1000") };
  const taken = walk(market, depth.levels("ask"), "buy", wish({}));
  assert.equal(market.amount(taken.filled), "3.00");
  assert.equal(market.quoteText(taken.value), "61.23");

  const rests = preview(market, depth, wish({ ticks: market.ticks("20.30") }), money);
  assert.equal(rests.fate, "Rests at level 2, 3.00 SOL ahead.");
  assert.equal(rests.feeName, "maker");
  assert.equal(market.quoteText(rests.need), "81.20");
  assert.equal(market.quoteText(rests.after), "918.80");
  assert.equal(preview(market, depth, wish({}), money).fate, "3.00 SOL at once, 1.00 SOL rests.");
  assert.match(preview(market, depth, wish({ postOnly: true }), money).fate, /refused/);
  assert.match(preview(market, depth, wish({ tif: "FOK" }), money).fate, /cancelled: only 3.00 SOL/);
  assert.equal(preview(market, depth, wish({ tif: "FOK" }), money).receive, 0n);

  const all = preview(market, depth, wish({ limit: false, ticks: null, lots: market.lots("4.5") }), money);
  assert.equal(all.fate, "Fills at once from 2 levels.");
  assert.equal(all.slippage, "0.03\u202f%");
  assert.equal(all.fee, feeOf(market.baseUnits("4.5"), 1000n));
  const byQuote = preview(market, depth, wish({ limit: false, ticks: null, lots: null, quoteUnits: market.quoteUnits("20.42") }), money);
  assert.equal(market.baseText(byQuote.receive + byQuote.fee), "1.00");
  assert.ok(preview(market, depth, wish({ lots: market.lots("400") }), money).tooLittle);
  assert.equal(feeOf(1n, 1000n), 1n, "a fee is rounded up");
});
