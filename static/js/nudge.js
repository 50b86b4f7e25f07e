// An arrow key in a field: one tick of a price or one step of an amount; with Shift ten.

import { entered, forField } from "./decimal.js";

export function nudge(market, input, { key, shiftKey }) {
  const by = (shiftKey ? 10n : 1n) * (key === "ArrowUp" ? 1n : -1n);
  const isAmount = input.id === "amount" || input.id === "display", plain = entered(input.value) ?? "0";
  const now = (isAmount ? market.lots(plain) : market.ticks(plain)) ?? 0n;
  const next = now + by > 0n ? now + by : 0n;
  input.value = forField(isAmount ? market.amount(next) : market.price(next));
  input.dispatchEvent(new Event("input"));
}
