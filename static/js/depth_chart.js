// The depth chart: the running sums of both sides around the middle, drawn on a canvas once per frame at most.

import { grouped } from "./decimal.js";
import { el, paint } from "./dom.js";
import { t } from "./speech.js";

const LEVELS = 100; // Of each side; the last tenth may lie far out and would squeeze the rest.
const PAD = { top: 28, bottom: 24 };

export class DepthChart {
  constructor(market, depth, box) {
    Object.assign(this, { market, depth });
    this.canvas = el("canvas", { class: "depth-canvas", role: "img", hidden: true });
    box.append(this.canvas);
    this.draw = () => this.#draw();
    new ResizeObserver(() => this.changed()).observe(this.canvas);
    this.canvas.addEventListener("pointermove", (event) => {
      this.at = event.offsetX;
      this.changed();
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.at = null;
      this.changed();
    });
  }

  // Answers whether it is shown now.
  toggle() {
    this.canvas.hidden = !this.canvas.hidden;
    this.changed();
    return !this.canvas.hidden;
  }

  changed() {
    if (!this.canvas.hidden) paint(this.draw);
  }

  #sums(side) {
    let sum = 0n;
    return this.depth.levels(side, 1n, LEVELS).map(([ticks, lots]) => ({ ticks: Number(ticks), sum: Number((sum += lots)), exact: [ticks, sum] }));
  }

  #draw() {
    const { canvas, market } = this, scale = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.hidden || !width) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas), colour = (name) => style.getPropertyValue(`--c-${name}`).trim();
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const bids = this.#sums("bid"), asks = this.#sums("ask");
    if (!bids.length || !asks.length) return;
    const middle = (bids[0].ticks + asks[0].ticks) / 2, far = (levels) => Math.abs(levels[Math.floor(levels.length * 0.9) - (levels.length > 9 ? 1 : 0)].ticks - middle), reach = Math.max(1, Math.min(far(bids), far(asks)));
    const seen = (levels) => levels.filter(({ ticks }) => Math.abs(ticks - middle) <= reach);
    const sides = [[seen(bids), "up"], [seen(asks), "down"]], most = Math.max(...sides.map(([levels]) => levels.at(-1)?.sum ?? 1));
    const x = (ticks) => width / 2 + ((ticks - middle) / reach) * (width / 2), y = (sum) => height - PAD.bottom - (sum / most) * (height - PAD.top - PAD.bottom);
    for (const [levels, name] of sides) this.#area(pen, levels, x, y, width, height, colour(`${name}-bar`), colour(`${name}-candle`));
    pen.fillStyle = colour("text-2");
    pen.font = `11px ${style.fontFamily}`;
    const price = (ticks) => grouped(market.price(BigInt(Math.max(0, Math.round(ticks)))));
    for (const [part, align] of [[-1, "left"], [-0.5, "center"], [0, "center"], [0.5, "center"], [1, "right"]]) {
      pen.textAlign = align;
      pen.fillText(price(middle + part * reach), x(middle + part * reach) - part * 8, height - 8);
    }
    this.#pointer(pen, sides, x, y, middle, reach, width, colour("text"));
    const [bid, ask] = sides.map(([levels]) => levels.at(-1)?.exact[1] ?? 0n);
    canvas.setAttribute("aria-label", t`Depth of ${market.name}: ${grouped(market.amount(bid))} ${market.base} bid and ${grouped(market.amount(ask))} offered within the view`);
  }

  #area(pen, levels, x, y, width, height, fill, line) {
    const path = new Path2D(), end = levels[0] && x(levels[0].ticks) < width / 2 ? 0 : width;
    let before = height - PAD.bottom;
    levels.forEach(({ ticks, sum }, index) => {
      if (index) path.lineTo(x(ticks), before);
      else path.moveTo(x(ticks), before);
      before = y(sum);
      path.lineTo(x(ticks), before);
    });
    path.lineTo(end, before);
    pen.strokeStyle = line;
    pen.stroke(path);
    path.lineTo(end, height - PAD.bottom);
    path.closePath();
    pen.globalAlpha = 0.7;
    pen.fillStyle = fill;
    pen.fill(path);
    pen.globalAlpha = 1;
  }

  // What stands between the middle and the price under the pointer.
  #pointer(pen, sides, x, y, middle, reach, width, colour) {
    if (this.at == null) return;
    const [levels] = sides[this.at < width / 2 ? 0 : 1];
    const level = levels.findLast(({ ticks }) => Math.abs(x(ticks) - width / 2) <= Math.abs(this.at - width / 2));
    if (!level) return;
    const [ticks, lots] = level.exact, left = this.at < width / 2;
    pen.fillStyle = colour;
    pen.textAlign = left ? "left" : "right";
    pen.fillText(t`${grouped(this.market.amount(lots))} ${this.market.base} to ${grouped(this.market.price(ticks))}`, left ? 12 : width - 12, 18);
    pen.fillRect(x(level.ticks) - 2, y(level.sum) - 2, 4, 4);
  }
}
