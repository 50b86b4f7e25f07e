// What stands up to the level under the pointer: sum, average and value, beside the row.

import { grouped } from "./decimal.js";
import { el, styled } from "./dom.js";
import { t } from "./speech.js";

await styled("book_tip");

// `rows` of a side, best first; answers the tip that is shown.
export function tipFor(market, rows, row, tip = null) {
  tip ??= el("dl", { class: "book-tip" });
  let lots = 0n, value = 0n;
  for (const each of rows) {
    lots += each.lots;
    value += market.notional(each.ticks, each.lots);
    if (each === row) break;
  }
  const average = lots ? value / (lots * market.quoteUnitsPerTickLot) : row.ticks;
  const lines = [[t`Sum`, `${grouped(market.amount(lots))} ${market.base}`], [t`Average`, grouped(market.price(average))], [t`Value`, `${grouped(market.quoteText(value))} ${market.quote}`]];
  tip.replaceChildren(...lines.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]));
  if (!tip.isConnected) document.body.append(tip);
  const box = row.node.getBoundingClientRect();
  tip.style.top = `${box.top - 4}px`;
  tip.style.right = `${innerWidth - box.left + 6}px`;
  return tip;
}
