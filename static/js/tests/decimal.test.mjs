import assert from "node:assert/strict";
import { test } from "node:test";
import * as d from "../decimal.js";
import { Market } from "../market.js";
import { amountProblem, priceProblem } from "../problems.js";

const facts = {
  symbol: "SOL_USDC", base: "SOL", quote: "USDC", baseDecimals: 9, quoteDecimals: 6, priceDecimals: 2, quantityDecimals: 2,
  tickScaled: "1", stepScaled: "1", minLots: "1", baseUnitsPerLot: "10000000", quoteUnitsPerTickLot: "100",
  makerPpm: "800", takerPpm: "1000", pairs: {},
};

test("text becomes units exactly, or not at all", () => {
  assert.equal(d.toUnits("1.5", 6), 1500000n);
  assert.equal(d.toUnits("0.1000", 1), 1n);
  assert.equal(d.toUnits("999999999999999999.999999999999999999", 18), 999999999999999999999999999999999999n);
  for (const bad of ["", "1e5", "-1", "+1", "01", "1.", ".5", "1_0", " 1", "NaN", "1,000", "\uff11", "0.12"]) {
    assert.equal(d.toUnits(bad, 1), null, bad);
  }
});

test("units become text", () => {
  assert.equal(d.padded(1500000n, 6), "1.500000");
  assert.equal(d.padded(5n, 0), "5");
  assert.equal(d.padded(-5n, 2), "-0.05");
  assert.equal(d.trimmed(1500000n, 6), "1.5");
  assert.equal(d.trimmed(1500000n, 6, 2), "1.50");
  assert.equal(d.trimmed(1000000n, 6), "1");
  assert.equal(d.fixed("1.987", 2), "1.98");
  assert.equal(d.fixed("1", 0), "1");
});

test("every number survives the way there and back", () => {
  for (let i = 0n, n = 1n; i < 200n; i += 1n, n = (n * 6364136223846793005n + 1442695040888963407n) % 2n ** 62n) {
    assert.equal(d.toUnits(d.padded(n, 9), 9), n);
    assert.equal(d.toUnits(d.trimmed(n, 9), 9), n);
    assert.equal(d.toUnits(d.entered(d.grouped(d.trimmed(n, 9))), 9), n);
  }
});

test("grouping and what people type", () => {
  assert.equal(d.grouped("97412.50"), "97,412.50");
  assert.equal(d.grouped("-1234567"), "\u22121,234,567");
  assert.equal(d.grouped("123"), "123");
  assert.equal(d.entered("1,234.5"), "1234.5");
  assert.equal(d.entered(" 12. "), "12");
  assert.equal(d.entered(".5"), "0.5");
  assert.equal(d.entered("007"), "7");
  for (const bad of ["1,5", "1,23,456", "1.234,5", "abc", "", "1e3", "-1", "1..2", "0,123"]) assert.equal(d.entered(bad), null, bad);
});

test("a comma before decimals, for those who use one", () => {
  assert.equal(d.grouped("97412.50", ".", ","), "97.412,50");
  for (const [typed, plain] of [["12,5", "12.5"], ["0,125", "0.125"], ["1,2345", "1.2345"], ["1.234,5", "1234.5"], ["12.5", "12.5"], ["1,234.5", "1234.5"]]) {
    assert.equal(d.entered(typed, ","), plain, typed);
  }
  for (const bad of ["1,234", "12,345", "1,23,456", "1.23,4", ",", "1,,5"]) assert.equal(d.entered(bad, ","), null, bad);
});

test("dim zeros, percent, basis points, short totals", () => {
  assert.deepEqual(d.dimmedParts("8.00"), ["8", ".00"]);
  assert.deepEqual(d.dimmedParts("12.50"), ["12.5", "0"]);
  assert.deepEqual(d.dimmedParts("0.00"), ["", "0"]);
  assert.deepEqual(d.dimmedParts("100"), ["100", ""]);
  assert.deepEqual(d.dimmedParts("\u2014"), ["\u2014", ""]);
  assert.equal(d.percent(251n, 10000n), "+2.51\u202f%");
  assert.equal(d.percent(-72n, 10000n), "\u22120.72\u202f%");
  assert.equal(d.percent(0n, 10000n), "0.00\u202f%");
  assert.equal(d.percent(1n, 0n), "\u2014");
  assert.equal(d.basisPoints(2n, 16842n), "1.2");
  assert.equal(d.short("69743210.5"), "69.74\u202fM");
  assert.equal(d.short("418204.167"), "418,204.16");
});

test("a market's grid and its sentences", () => {
  const market = new Market(facts);
  assert.equal(market.ticks("168.40"), 16840n);
  assert.equal(market.ticks("168.405"), null);
  assert.equal(market.quoteText(market.notional(16840n, 1250n)), "2105.00");
  assert.equal(market.lotsFor(2105000000n, 16840n), 1250n);
  assert.equal(market.lotsFor(2104999999n, 16840n), 1249n);
  assert.equal(priceProblem(market, "168.405"), "Prices move by 0.01. Use 168.40 or 168.41.");
  assert.equal(amountProblem(market, "12.505"), "Steps of 0.01 SOL. Use 12.50 or 12.51.");
  assert.equal(amountProblem(market, "0"), "The smallest order is 0.01 SOL.");
  assert.equal(amountProblem(market, "12.5"), null);
  assert.equal(market.sum(56299n, 60000n), "562");
  assert.equal(market.sum(56n, 1200n), "0.56");
});
