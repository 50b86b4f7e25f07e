// What happens to the reader's orders, as toasts: fills, and ends that came early.

import { toUnits } from "./decimal.js";
import { say } from "./dom.js";
import { prefs } from "./prefs.js";
import { t } from "./speech.js";
import { toast, wanted } from "./toasts.js";
import { endWords, fillsTold } from "./words.js";

const FILLS_TOGETHER_MS = 1000;
const explained = (label, id) => ({ label, run: () => location.assign(`/orders/${id}`) });

export class News {
  constructor(market) {
    this.market = market;
    this.fills = new Map();
  }

  // A frame of account.orderUpdate.
  hear(frame) {
    if (frame.e === "orderFill") this.#fill(frame);
    else if (frame.e === "triggerFailed") toast(t`Order failed at its trigger`, t`Order ${frame.i}: ${endWords(frame.R)}.`, "warn", explained(t`Why`, frame.i));
    else if (frame.z !== "0") toast(t`Order ended early`, t`Order ${frame.i}: ${endWords(frame.R)}.`, "warn", explained(t`Why`, frame.i));
  }

  // Fills of one order inside a second become one toast.
  async #fill(frame) {
    const pair = this.market.pair(frame.s);
    const fill = {
      order: frame.i, symbol: frame.s, side: frame.S, status: frame.X, lots: toUnits(frame.l, pair.quantityDecimals), ticks: toUnits(frame.L, pair.priceDecimals),
      fee: toUnits(frame.n.replace("-", ""), 18) ?? 0n, rebate: frame.n.startsWith("-"), feeAsset: frame.N,
    };
    const together = this.fills.get(frame.i);
    if (together) return together.push(fill);
    this.fills.set(frame.i, [fill]);
    setTimeout(() => this.#tell(frame.i), FILLS_TOGETHER_MS);
    if (prefs.sound) (await wanted(() => import("./sound.js")))?.fillSound(frame.S === "Bid");
  }

  #tell(id) {
    const { title, text } = fillsTold(this.market, this.fills.get(id));
    this.fills.delete(id);
    toast(title, text, "good", explained(t`View`, id));
    say(title);
  }
}
