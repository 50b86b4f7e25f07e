// Candles, volume and averages. The one place where prices are Numbers: they are only drawn here.

import * as lib from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { getKlines } from "./api.js";
import { atLeast, fixed, grouped, padded, percent, toUnits } from "./decimal.js";
import { byId, colourOf as colour, el, paint, styled } from "./dom.js";
import { prefs, remember } from "./prefs.js";
import { t } from "./speech.js";
import { wanted } from "./toasts.js";

const DAY_S = 86400;
const SECONDS = {
  "1s": 1, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14400, "6h": 21600, "8h": 28800, "12h": 43200,
  "1d": DAY_S, "3d": 3 * DAY_S, "1w": 7 * DAY_S, "1month": 31 * DAY_S,
};
const CANDLES = 400;
const NEAR_START = 30; // Candles left of the view at which older ones are asked for.
const AVERAGES = [9, 25];

const timeOf = (text) => Date.parse(`${text.replace(" ", "T")}Z`) / 1000;
const rowOf = (row) => ({ ...row, time: timeOf(row.start) });

export class Chart {
  // `orders` answers the reader's orders once there are some.
  constructor(market, socket, depth, orders) {
    Object.assign(this, { market, socket, depth, orders });
    this.rows = [];
    this.open = [];
    this.fills = [];
    this.pointed = null;
    this.draw = () => this.#legend();
    this.#create();
    this.#theme();
    document.addEventListener("themechange", () => this.#theme());
    this.#averagesBox();
    this.#depthButton();
    setInterval(() => paint(this.draw), 1000);
  }

  #create() {
    this.chart = lib.createChart(byId("chart"), {
      autoSize: true, localization: { priceFormatter: (price) => grouped(price.toFixed(this.market.priceDecimals)) }, layout: { attributionLogo: false, fontSize: 11 }, crosshair: { mode: lib.CrosshairMode.Normal },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, barSpacing: 7 },
      rightPriceScale: { scaleMargins: { top: 0.14, bottom: 0.22 } },
    });
    const format = { type: "price", precision: this.market.priceDecimals, minMove: Number(this.market.price(1n)) };
    this.candles = this.chart.addSeries(lib.CandlestickSeries, { priceFormat: format });
    this.volume = this.chart.addSeries(lib.HistogramSeries, { priceScaleId: "volume", lastValueVisible: false, priceLineVisible: false, priceFormat: { type: "volume" } });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.averages = AVERAGES.map(() => this.chart.addSeries(lib.LineSeries, {
      lineWidth: 1, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false, priceFormat: format, visible: prefs.averages,
    }));
    this.markers = lib.createSeriesMarkers(this.candles, []);
    this.chart.subscribeCrosshairMove((event) => {
      this.pointed = event.time ?? null;
      paint(this.draw);
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && range.from < NEAR_START && this.#older());
  }

  #averagesBox() {
    const box = byId("averages-box");
    box.checked = prefs.averages;
    box.addEventListener("change", () => {
      remember({ averages: box.checked });
      for (const line of this.averages) line.applyOptions({ visible: box.checked });
      paint(this.draw);
    });
  }

  // The depth chart is loaded when it is asked for.
  #depthButton() {
    const button = byId("depth-button");
    button.addEventListener("click", async () => {
      const [loaded] = await Promise.all([wanted(() => import("./depth_chart.js")), styled("depth_chart")]);
      if (!loaded) return;
      this.depthChart ??= new loaded.DepthChart(this.market, this.depth, byId("chart").parentElement);
      const on = this.depthChart.toggle();
      button.setAttribute("aria-pressed", String(on));
      byId("chart").classList.toggle("covered", on);
      byId("legend").hidden = on;
    });
  }

  bookChanged() {
    this.depthChart?.changed();
  }

  #theme() {
    this.chart.applyOptions({
      layout: { background: { color: colour("panel") }, textColor: colour("text-3"), fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { vertLines: { color: colour("grid") }, horzLines: { color: colour("grid") } },
      crosshair: { vertLine: { color: colour("text-2"), labelBackgroundColor: colour("selected") }, horzLine: { color: colour("text-2"), labelBackgroundColor: colour("selected") } },
      rightPriceScale: { borderColor: colour("line") }, timeScale: { borderColor: colour("line") },
    });
    const up = colour("up-candle"), down = colour("down-candle");
    // Up is hollow, down is filled: the shape says it where the colours do not.
    this.candles.applyOptions({ upColor: colour("panel"), borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down });
    this.colours = { up: colour("up-bar"), down: colour("down-bar"), you: colour("you-line"), upFill: colour("up-fill"), downFill: colour("down-fill") };
    for (const [index, line] of this.averages.entries()) line.applyOptions({ color: colour(`average-${index + 1}`) });
    this.#all();
    this.setOrders(this.open);
    this.setFills(this.fills);
    this.bookChanged();
  }

  // Load an interval and follow its stream.
  async show(interval) {
    if (this.stream) this.socket.leave(this.stream);
    this.interval = interval;
    this.stream = `kline.${interval}.${this.market.symbol}`;
    this.socket.hear(this.stream, (frame) => this.#frame(interval, frame));
    this.chart.applyOptions({ timeScale: { timeVisible: SECONDS[interval] < DAY_S, secondsVisible: SECONDS[interval] < 60 } });
    byId("chart").setAttribute("aria-label", t`Candles of ${this.market.name}, ${interval}`);
    await this.reload();
    this.chart.timeScale().scrollToRealTime();
  }

  async reload() {
    const { interval } = this;
    if (!interval) return;
    const rows = await getKlines(this.market.symbol, interval, Math.floor(Date.now() / 1000) - SECONDS[interval] * CANDLES);
    if (interval !== this.interval) return;
    const fresh = rows.filter((row) => row.open !== null).map(rowOf);
    // What was scrolled back to stays; the new answer replaces its own stretch.
    const kept = fresh.length && this.loaded === interval ? this.rows.filter((row) => row.time < fresh[0].time) : [];
    this.rows = [...kept, ...fresh];
    if (this.loaded !== interval) this.exhausted = false;
    this.loaded = interval;
    byId("chart-still")?.remove();
    this.#all();
    this.setFills(this.fills);
  }

  // Scrolled back to the start of what is there: what came before is asked for.
  async #older() {
    const { interval } = this;
    if (this.loading || this.exhausted || !this.rows.length) return;
    this.loading = true;
    try {
      const loaded = await wanted(() => import("./chart_history.js"));
      if (!loaded) return;
      const older = (await loaded.olderThan(this.market.symbol, interval, SECONDS[interval], this.rows[0].time)).map(rowOf);
      if (interval !== this.interval) return;
      this.exhausted = !older.length;
      this.rows = [...older.filter((row) => row.time < this.rows[0].time), ...this.rows];
      this.#all();
      this.setFills(this.fills);
    } catch (error) {
      console.warn(`Older candles did not load: ${error.message}`);
    } finally {
      this.loading = false;
    }
  }

  #frame(interval, frame) {
    if (interval !== this.interval || frame.o === null) return;
    const row = { time: timeOf(frame.t), open: frame.o, high: frame.h, low: frame.l, close: frame.c, volume: frame.v };
    const last = this.rows.at(-1);
    if (last && row.time < last.time) return;
    if (last?.time === row.time) this.rows[this.rows.length - 1] = row;
    else this.rows.push(row);
    byId("chart-still")?.remove();
    this.candles.update(candle(row));
    this.volume.update(this.#bar(row));
    for (const [index, line] of this.averages.entries()) {
      const value = average(this.rows, this.rows.length - 1, AVERAGES[index]);
      if (value !== null) line.update({ time: row.time, value });
    }
    this.#lastColour(row);
    paint(this.draw);
  }

  #all() {
    this.candles.setData(this.rows.map(candle));
    this.volume.setData(this.rows.map((row) => this.#bar(row)));
    for (const [index, line] of this.averages.entries()) {
      const values = this.rows.map((row, at) => ({ time: row.time, value: average(this.rows, at, AVERAGES[index]) }));
      line.setData(values.filter((each) => each.value !== null));
    }
    if (this.rows.length) this.#lastColour(this.rows.at(-1));
    paint(this.draw);
  }

  #bar(row) {
    return { time: row.time, value: Number(row.volume), color: rising(row) ? this.colours.up : this.colours.down };
  }

  #lastColour(row) {
    this.candles.applyOptions({ priceLineColor: rising(row) ? this.colours.upFill : this.colours.downFill });
  }

  // Own open orders as lines with a tag. What draws them is loaded with the first one.
  async setOrders(orders) {
    this.open = orders;
    if (!this.lines && !orders.length) return;
    const [loaded] = await Promise.all([wanted(() => import("./order_lines.js")), styled("order_tags")]);
    if (!loaded) return;
    this.lines ??= new loaded.OrderLines(this.market, this.candles, byId("chart").parentElement, this.orders(), lib.LineStyle.Dashed);
    this.lines.show(this.open, this.colours.you);
  }

  // Own fills as arrows at their candles; what places them is loaded with the first one.
  async setFills(fills) {
    this.fills = fills;
    if (!fills.length) return;
    const loaded = await wanted(() => import("./chart_marks.js"));
    if (loaded) this.markers.setMarkers(loaded.marksOf(this.fills, this.rows, SECONDS[this.interval] ?? 60, this.colours.you));
  }

  addFill(fill) {
    if (fill.symbol === this.market.symbol) this.setFills([...this.fills, fill]);
  }

  #legend() {
    const at = this.pointed === null ? this.rows.length - 1 : this.rows.findIndex((row) => row.time === this.pointed);
    const row = this.rows[at], legend = byId("legend");
    if (!row) return legend.replaceChildren();
    const { market } = this, read = (text) => toUnits(text, market.priceDecimals);
    const price = (text) => grouped(fixed(text, market.priceDecimals));
    const moved = read(row.close) - read(row.open);
    const by = `${moved > 0n ? "+" : ""}${grouped(padded(moved, market.priceDecimals))} (${percent(moved, read(row.open))})`;
    const part = (name, text) => el("span", {}, `${name} `, el("b", {}, text));
    const parts = [part("O", price(row.open)), part("H", price(row.high)), part("L", price(row.low)), part("C", price(row.close)),
      el("span", { class: moved > 0n ? "up" : moved < 0n ? "down" : "" }, el("b", {}, by)), part(t`Volume`, grouped(atLeast(row.volume, market.quantityDecimals)))];
    if (this.pointed === null && SECONDS[this.interval] < DAY_S) parts.push(part(t`Closes in`, this.#countdown(row)));
    if (prefs.averages) {
      const values = AVERAGES.map((length, index) => [length, average(this.rows, at, length), index + 1]).filter(([, value]) => value !== null);
      parts.push(el("span", { class: "averages" }, ...values.map(([length, value, index]) => el("span", { class: `average-${index}` }, `MA ${length} ${grouped(value.toFixed(market.priceDecimals))}`))));
    }
    legend.replaceChildren(...parts);
  }

  // Until the newest candle closes; nothing has traded since when it is over.
  #countdown(row) {
    const left = Math.max(0, row.time + SECONDS[this.interval] - Math.floor(Date.now() / 1000)), two = (number) => String(number).padStart(2, "0");
    return left >= 3600 ? `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}` : `${two(Math.floor(left / 60))}:${two(left % 60)}`;
  }
}

function candle(row) {
  return { time: row.time, open: Number(row.open), high: Number(row.high), low: Number(row.low), close: Number(row.close) };
}

function rising(row) {
  return Number(row.close) >= Number(row.open);
}

function average(rows, at, length) {
  if (at < length - 1) return null;
  let sum = 0;
  for (let i = at - length + 1; i <= at; i += 1) sum += Number(rows[i].close);
  return sum / length;
}
