// Candles from before those that are shown. Times without trades have no candles, so the span grows until some are found.

import { getKlines } from "./api.js";

const CANDLES = 400;
const MOST_CANDLES = 10000; // Of one answer.
const ASKS = 6; // So often the span grows fourfold before the market counts as having no more.

// Oldest first; none when there are no more. `seconds` is the length of a candle, `first` the start of the oldest shown.
export async function olderThan(symbol, interval, seconds, first) {
  let end = first - 1, span = seconds * CANDLES;
  for (let ask = 0; ask < ASKS && end > 0; ask += 1) {
    const start = Math.max(0, end - Math.min(span, seconds * (MOST_CANDLES - 1)));
    const rows = (await getKlines(symbol, interval, start, end)).filter((row) => row.open !== null);
    if (rows.length) return rows;
    end = start - 1;
    span *= 4;
  }
  return [];
}
