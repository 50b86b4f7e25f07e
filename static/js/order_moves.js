// Moving an order on the chart: drag its tag, or press arrow keys on it; then Enter moves it and Escape leaves it.

import { amend } from "./amend.js";
import { grouped } from "./decimal.js";
import { el, say, styled } from "./dom.js";
import { t } from "./speech.js";

const DRAG_PX = 3; // Less is a click.

await styled("order_moves");

// A key on the focused tag: a tick, ten with Shift, or the answer to the question.
export function press(lines, tag, { key, shiftKey }) {
  const by = { ArrowUp: 1n, ArrowDown: -1n }[key];
  if (by) {
    move(lines, tag, (tag.moved ?? tag.ticks) + by * (shiftKey ? 10n : 1n));
    say(t`Move to ${lines.market.price(tag.moved)}? Enter or Escape.`);
  } else if (key === "Enter") send(lines, tag);
  else if (tag.moved !== null) leave(lines, tag);
}

// The pointer is down on the tag, and the tag has captured it.
export function grab(lines, tag, { pointerId, clientY: start }) {
  const { node } = tag, top = lines.box.getBoundingClientRect().top;
  if (!node.hasPointerCapture(pointerId)) return; // Up again before this was loaded.
  const drag = (event) => {
    if (Math.abs(event.clientY - start) < DRAG_PX && tag.moved === null) return;
    const price = lines.series.coordinateToPrice(event.clientY - top);
    const ticks = price === null || price <= 0 ? null : onTick(lines.market, price);
    if (ticks) move(lines, tag, ticks);
  };
  const ended = new AbortController(), { signal } = ended;
  node.addEventListener("pointermove", drag, { signal });
  node.addEventListener("pointerup", () => {
    ended.abort();
    if (tag.moved !== null) tag.question?.querySelector("button").focus();
  }, { signal });
  node.addEventListener("pointercancel", () => {
    ended.abort();
    leave(lines, tag);
  }, { signal });
}

// A drawn height is a Number; the price that is meant is the tick next to it.
function onTick(market, price) {
  const units = BigInt(Math.round(price * 10 ** market.priceDecimals));
  return (units + market.tickScaled / 2n) / market.tickScaled;
}

function move(lines, tag, ticks) {
  tag.moved = ticks > 0n ? ticks : 1n;
  lines.line(tag, tag.moved);
  ask(lines, tag);
}

function ask(lines, tag) {
  const text = t`Move to ${grouped(lines.market.price(tag.moved))}?`;
  if (tag.question) {
    tag.question.firstChild.textContent = text;
    return;
  }
  const yes = el("button", { type: "button" }, t`Move`), no = el("button", { type: "button" }, t`Leave`);
  tag.question = el("span", { class: "tag-question" }, el("span", {}, text), yes, no);
  yes.addEventListener("click", () => send(lines, tag));
  no.addEventListener("click", () => leave(lines, tag));
  tag.node.append(tag.question);
}

function leave(lines, tag) {
  tag.moved = null;
  tag.question?.remove();
  tag.question = null;
  lines.line(tag, tag.ticks);
}

async function send(lines, tag) {
  const { order, moved } = tag;
  if (moved === null || moved === tag.ticks) return leave(lines, tag);
  tag.question?.remove();
  tag.question = null;
  try {
    await amend(order, { [tag.waits ? "triggerPrice" : "price"]: lines.market.price(moved) });
  } catch (error) {
    console.warn(`The order stays where it was: ${error.message}`);
  } finally {
    leave(lines, tag);
    await lines.actions.refresh();
  }
}
