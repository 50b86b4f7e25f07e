import assert from "node:assert/strict";
import test from "node:test";

import { endedShown } from "../order_lists.js";
import { orderShown } from "../rows.js";

const market = { pair: () => ({ priceDecimals: 2, quantityDecimals: 2 }) };
const order = {
  id: "7", symbol: "SOL_USDC", side: "Ask", orderType: "Market", status: "TriggerPending", price: null, quantity: "0.5", executedQuantity: "0",
  timeInForce: "GTC", postOnly: false, createdAt: 1750000000123, triggerPrice: "19", trailingDelta: null,
};

test("a conditional order says that it waits, and for what", () => {
  const shown = orderShown(market, order);
  assert.equal(endedShown(market, order).status, "Waiting");
  assert.deepEqual([shown.kind, shown.trigger, shown.price, shown.filled], ["Stop market", "at 19.00", "Market", "Waiting"]);
  assert.equal(orderShown(market, { ...order, price: "1850", orderType: "Limit" }).price, "1,850.00");
  const trailing = orderShown(market, { ...order, triggerPrice: null, trailingDelta: "0.5" });
  assert.deepEqual([trailing.kind, trailing.trigger], ["Trailing market", "by 0.50"]);
});

test("a trigger that failed is not called cancelled", () => {
  assert.deepEqual([endedShown(market, { ...order, status: "TriggerFailed" })].map(({ status, tone }) => [status, tone]), [["Failed", "warn"]]);
  assert.equal(orderShown(market, { ...order, status: "Cancelled", triggerPrice: null }).price, "Market");
});
