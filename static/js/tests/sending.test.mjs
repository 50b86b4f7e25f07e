import assert from "node:assert/strict";
import { test } from "node:test";

import { refuses } from "../market_state.js";
import { isUnknown, sendOnce } from "../sending.js";

const failure = (status, body = {}) => Object.assign(new Error(String(status)), { status, body });
const order = { symbol: "SOL_USDC" };

// Answers in turn; the last one stays. Remembers the keys it was sent with.
function server(...answers) {
  const keys = [];
  const post = async (sent, key) => {
    assert.equal(sent, order);
    keys.push(key);
    const answer = answers[Math.min(keys.length, answers.length) - 1];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { keys, post };
}

async function send(post) {
  let waits = 0;
  const answer = await sendOnce(post, order, () => { waits += 1; }, async () => {}, "one-key");
  return { answer, waits };
}

test("an answered order is sent once", async () => {
  const { keys, post } = server({ id: "7" });
  assert.deepEqual(await send(post), { answer: { id: "7" }, waits: 0 });
  assert.deepEqual(keys, ["one-key"]);
});

test("without an answer the same key is sent again until there is one", async () => {
  const { keys, post } = server(failure(0), failure(504, { executed: "unknown" }), failure(503, { executed: false }), failure(429), { id: "7" });
  assert.deepEqual(await send(post), { answer: { id: "7" }, waits: 1 });
  assert.deepEqual(keys, Array(5).fill("one-key"));
});

test("the engine's refusal of a repeat is the answer", async () => {
  const { post } = server(failure(504), failure(400, { code: "INSUFFICIENT_FUNDS" }));
  await assert.rejects(send(post), (error) => error.status === 400 && !error.outcomeUnknown);
});

test("nobody answers: it ends, and says that nobody knows", async () => {
  const { keys, post } = server(failure(504, { executed: "unknown" }));
  await assert.rejects(send(post), (error) => error.outcomeUnknown);
  assert.equal(keys.length, 9);
});

test("what was certainly not executed is not sent again", async () => {
  for (const error of [failure(503, { executed: false }), failure(400), failure(429), failure(500)]) {
    const { keys, post } = server(error);
    await assert.rejects(send(post), error);
    assert.equal(keys.length, 1);
  }
  for (const status of [0, 200, 502, 503, 504]) assert.ok(isUnknown(failure(status)));
});

test("the states of a market", () => {
  assert.equal(refuses("Open", "market", "GTC"), false);
  for (const state of ["CancelOnly", "Closed"]) assert.equal(refuses(state, "limit", "GTC"), true);
  for (const state of ["PostOnly", "LimitOnly"]) {
    assert.equal(refuses(state, "limit", "GTC"), false);
    assert.equal(refuses(state, "market", "GTC"), true);
  }
  assert.equal(refuses("PostOnly", "limit", "IOC"), true);
  assert.equal(refuses("LimitOnly", "limit", "IOC"), false);
});
