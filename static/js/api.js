// REST with the session cookie. A refusal is an ApiError with the server's code and sentence.

import { t, told } from "./speech.js";

export class ApiError extends Error {
  constructor(status, body) {
    super(told(body.message) || t`The server answered ${status}.`);
    this.status = status;
    this.code = body.code || "UNKNOWN";
    this.body = body;
    this.outcomeUnknown = false; // Set where an order was asked after in vain.
  }
}

const ANSWER_MS = 15000; // Longer than the server waits for the engine.

export async function call(method, path, body, more = {}) {
  const headers = { Accept: "application/json", ...more };
  if (method !== "GET") headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  let answer, text;
  try {
    answer = await fetch(path, { method, headers, body: sent, credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    text = await answer.text();
  } catch (cause) {
    throw new ApiError(0, { code: "NO_ANSWER", message: t`The server cannot be reached.` });
  }
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch (cause) {
    if (answer.ok) throw new ApiError(answer.status, { message: t`The server sent something that is not JSON.` });
  }
  if (!answer.ok) throw new ApiError(answer.status, data ?? {});
  return data;
}

const query = (parameters) => new URLSearchParams(parameters).toString();

export const getDepth = (symbol) => call("GET", `/api/v1/depth?${query({ symbol, limit: 500 })}`);
export const getKlines = (symbol, interval, startTime, endTime) => call("GET", `/api/v1/klines?${query({ symbol, interval, startTime, ...(endTime ? { endTime } : {}) })}`);
export const getTrades = (symbol, limit) => call("GET", `/api/v1/trades?${query({ symbol, limit })}`);
export const getOpenOrders = () => call("GET", "/api/v1/orders");
export const getCapital = () => call("GET", "/api/v1/capital");
export const getFills = (parameters = {}) => call("GET", `/wapi/v1/history/fills?${query({ limit: 50, ...parameters })}`);
export const getState = (path) => call("GET", path);

// Milliseconds of one small round trip; null when there was no answer.
export async function roundTrip() {
  const start = performance.now();
  try {
    const answer = await fetch("/api/v1/ping", { cache: "no-store", signal: AbortSignal.timeout(8000) });
    return answer.ok ? Math.round(performance.now() - start) : null;
  } catch (cause) {
    return null;
  }
}
