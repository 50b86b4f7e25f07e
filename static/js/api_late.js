// What is asked of the REST API after a click: loaded with what does it.

import { call } from "./api.js";

export const getHistory = () => call("GET", "/wapi/v1/history/orders?limit=50");
// One order, or the two of which one cancels the other.
export const placeOrder = (order, key) => call("POST", Array.isArray(order) ? "/api/v1/order/oco" : "/api/v1/order", order, { "Idempotency-Key": key });
export const amendOrder = (change, key) => call("PATCH", "/api/v1/order", change, { "Idempotency-Key": key });
export const cancelAll = (symbol) => call("DELETE", "/api/v1/orders", { symbol });
export const askFaucet = (path) => call("POST", path);
export const getMarkets = () => call("GET", "/api/v1/tickers");
export const cancelOrder = (symbol, orderId) => call("DELETE", "/api/v1/order", { symbol, orderId });
