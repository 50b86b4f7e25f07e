import assert from "node:assert/strict";
import { test } from "node:test";
import { Market } from "../market.js";
import { orderOf, problemOf } from "../send.js";
import { missing, wishOf } from "../terms.js";

const market = new Market({
  symbol: "SOL_USDC", base: "SOL", quote: "USDC", baseDecimals: 9, quoteDecimals: 6, priceDecimals: 2, quantityDecimals: 2,
  tickScaled: "1", stepScaled: "1", minLots: "1", baseUnitsPerLot: "10000000", quoteUnitsPerTickLot: "100",
  makerPpm: "800", takerPpm: "1000", pairs: {},
});
const empty = { price: "", trigger: "", delta: "", stop_price: "", amount: "", total: "", until: "", display: "", take_profit: "", stop_loss: "" };
const fieldsOf = (more) => ({ ...empty, side: "buy", kind: "limit", exec: "market", tif: "GTC", post_only: false, iceberg: false, exits: false, ...more });
const sent = (more) => {
  const fields = fieldsOf(more), wish = wishOf(market, fields, false);
  assert.equal(problemOf(market, fields, wish), null);
  return orderOf(market, wish);
};
const wrong = (more) => {
  const fields = fieldsOf({ price: "20.00", amount: "4", ...more });
  return problemOf(market, fields, wishOf(market, fields, false))?.[0];
};

test("a limit order with everything it may have", () => {
  const more = { price: "20.00", amount: "4", tif: "GTD", until: "2027-01-02T03:04", iceberg: true, display: "1", exits: true, take_profit: "25", stop_loss: "18" };
  assert.deepEqual(sent(more), {
    symbol: "SOL_USDC", side: "Bid", orderType: "Limit", quantity: "4.00", price: "20.00", timeInForce: "GTD", postOnly: false,
    expireTime: Date.UTC(2027, 0, 2, 3, 4), displayQuantity: "1.00", takeProfitTriggerPrice: "25.00", stopLossTriggerPrice: "18.00",
  });
});

test("a stop waits for its trigger, a trailing one for its distance", () => {
  assert.deepEqual(sent({ kind: "stop", side: "sell", trigger: "18", amount: "2", price: "99" }), {
    symbol: "SOL_USDC", side: "Ask", orderType: "Market", quantity: "2.00", triggerPrice: "18.00", triggerQuantity: "2.00",
  });
  assert.equal(sent({ kind: "trailing", exec: "limit", delta: "0.5", amount: "2", price: "19", tif: "IOC" }).timeInForce, "IOC");
  assert.equal(sent({ kind: "trailing", delta: "0.5", amount: "2" }).trailingDelta, "0.50");
});

test("a pair is a limit order and a stop of the same amount", () => {
  const [limit, stop] = sent({ kind: "oco", side: "sell", price: "25", trigger: "18", stop_price: "17.5", amount: "2" });
  assert.deepEqual([limit.orderType, limit.price, limit.quantity, limit.triggerPrice], ["Limit", "25.00", "2.00", undefined]);
  assert.deepEqual([stop.orderType, stop.price, stop.triggerPrice, stop.triggerQuantity], ["Limit", "17.50", "18.00", "2.00"]);
});

test("what is wrong is said at its field", () => {
  assert.equal(wrong({ kind: "stop" }), "trigger");
  assert.equal(wrong({ kind: "trailing", delta: "0.001" }), "delta");
  assert.equal(wrong({ tif: "GTD", until: "2001-01-01T00:00" }), "until");
  assert.equal(wrong({ iceberg: true, display: "4" }), "display");
  assert.equal(wrong({ iceberg: true, display: "0.03" }), "display");
  assert.equal(wrong({ exits: true }), "take_profit");
  assert.equal(wrong({ exits: true, stop_loss: "21" }), "stop_loss");
  assert.equal(wrong({ exits: true, take_profit: "19" }), "take_profit");
  assert.equal(wrong({ amount: "" }), "amount");
});

test("the form asks for what is missing, one thing at a time", () => {
  const lacks = (more) => missing(wishOf(market, fieldsOf(more), false));
  assert.equal(lacks({}), "amount");
  assert.equal(lacks({ amount: "4" }), "price");
  assert.equal(lacks({ amount: "4", price: "20.00" }), null);
  assert.equal(lacks({ kind: "market", amount: "4" }), null);
  assert.equal(lacks({ kind: "oco", amount: "4", price: "20.00" }), "trigger");
  assert.equal(lacks({ kind: "stop", amount: "4" }), "trigger");
  assert.equal(lacks({ kind: "trailing", amount: "4" }), "delta");
});
