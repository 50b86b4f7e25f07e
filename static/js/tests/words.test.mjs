import assert from "node:assert/strict";
import { test } from "node:test";

import { explain } from "../words.js";

const market = { base: "SOL", quote: "USDC", price: (ticks) => `${ticks / 100n}.${String(ticks % 100n).padStart(2, "0")}` };
const depth = { best: () => 16843n };
const wish = { side: "buy", kind: "limit", limit: true, ticks: 16850n, lots: 1n, quoteUnits: null, postOnly: true };
const told = (error) => explain(market, { body: {}, ...error }, wish, null, null, depth);

test("a post-only order that would take names the best price that rests", () => {
  const { field, sentence } = told({ code: "INVALID_ORDER", message: "Order would immediately match and take" });
  assert.equal(field, "price");
  assert.equal(sentence, "Not placed: at 168.50 it would have traded at once. The best price that rests is 168.42.");
});

test("a post-only order in a halted market is not blamed on its price", () => {
  const { field, sentence } = told({ code: "INVALID_ORDER", message: "The market does not take this order in its present state" });
  assert.deepEqual([field, sentence], ["form", "The market does not take this order in its present state."]);
});

test("what was not executed is said to be not placed", () => {
  const { sentence } = told({ code: "MAINTENANCE", message: "The exchange is not taking orders right now", body: { executed: false } });
  assert.equal(sentence, "Not placed: the exchange is not taking orders right now. You can send it again.");
});

test("an unknown outcome is never called a refusal", () => {
  const { field, sentence } = told({ code: "TIMEOUT", message: "No answer yet", outcomeUnknown: true });
  assert.equal(field, "form");
  assert.match(sentence, /Look at your open orders and fills before you send it again\.$/);
});
