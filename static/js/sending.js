// Sending an order once, whatever becomes of the answer: a repeat carries the same key, so the engine acts on it once.

const WAITS_MS = [500, 1000, 2000, 4000, 5000, 5000, 5000, 5000]; // About half a minute.
// Not `randomUUID`: browsers keep that from pages without HTTPS.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The answer does not say whether the order was executed. A refusal of the engine does, and so does `executed: false`.
export function isUnknown(error) {
  if (error.body?.executed === false) return false;
  return !(error.status >= 400 && error.status <= 500);
}

// A repeat that was kept out says nothing about the order sent before it; only the engine's own answer does.
function saysNothing(error) {
  return isUnknown(error) || error.body?.executed === false || [401, 403, 429].includes(error.status);
}

// `post(order, key)` sends; `onwait` hears once that the answer is missing. Throws what was refused, or the last error
// with `outcomeUnknown` when nobody answered in time.
export async function sendOnce(post, order, onwait, wait = pause, key = newKey()) {
  try {
    return await post(order, key);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    onwait();
    return repeat(post, order, key, wait, error);
  }
}

async function repeat(post, order, key, wait, first) {
  let last = first;
  for (const ms of WAITS_MS) {
    await wait(ms);
    try {
      return await post(order, key);
    } catch (error) {
      if (!saysNothing(error)) throw error;
      last = error;
    }
  }
  last.outcomeUnknown = true;
  throw last;
}
