// The order form: fields that compute each other exactly, a preview, and one send at a time.

import { UNKNOWN, entered, forField, grouped } from "./decimal.js";
import { all, byId, el, say, setText } from "./dom.js";
import { refuses } from "./market_state.js";
import { prefs, remember } from "./prefs.js";
import { Slider } from "./slider.js";
import { t } from "./speech.js";
import { complete, priced, wishOf } from "./terms.js";

const PREVIEW_EVERY_MS = 200;
const SETTLED_MS = 150;
const TEXTS = ["price", "trigger", "delta", "stop_price", "amount", "total", "until", "display", "take_profit", "stop_loss"];

export class OrderForm {
  // `money` answers available units or null, `onplaced` hears of a placed order, `onrefused` of anything else that came of sending one; `own` answers the
  // reader's price levels of a side, `last` the last price.
  constructor(market, depth, { money, onplaced, onrefused, own, last }) {
    Object.assign(this, { market, depth, money, onplaced, onrefused, own, last });
    this.form = byId("order-form");
    [this.price, this.amount, this.total] = ["price", "amount", "total"].map(byId);
    this.typed = "amount";
    this.busy = false;
    this.#recall();
    this.slider = new Slider(byId("slider-slot"), (part) => this.#takePart(part));
    this.#bestButtons();
    this.#listen();
    this.#rules(null);
    if (this.amount.value) this.#compute();
    this.refresh();
    setInterval(() => this.dirty && this.#draw(), PREVIEW_EVERY_MS);
  }

  get side() {
    return this.form.elements.side.value;
  }

  get kind() {
    return this.form.elements.type.value;
  }

  setSide(side) {
    this.form.elements.side.value = side;
    this.refresh();
  }

  // From a click in the book or tape: the price, and the amount up to a level when its size was meant.
  take({ price, lots }) {
    if (this.#priced()) this.price.value = forField(price);
    else if (this.kind === "stop") byId("trigger").value = forField(price);
    if (lots) {
      const most = this.#most();
      this.amount.value = forField(this.market.amount(most !== null && most > 0n && most < lots ? most : lots));
      this.typed = "amount";
    }
    this.#compute();
    this.#clearErrors();
    this.refresh();
    this.amount.focus({ preventScroll: true });
  }

  // The market takes other orders than before: what it last refused may be taken now, or is said better.
  marketChanged() {
    this.#fail("form", null);
    this.refresh();
  }

  // The book or the balance has changed.
  refresh() {
    this.dirty = true;
    this.#labels();
  }

  // The reader's last choices, unless the address chose.
  #recall() {
    const asked = new URLSearchParams(location.search);
    if (!asked.has("type")) this.form.elements.type.value = prefs.type;
    if (!asked.has("tif")) byId("tif").value = prefs.tif === "GTD" ? "GTC" : prefs.tif;
    if (!asked.has("exec")) byId("exec").value = prefs.exec;
    if (!asked.has("type")) byId("post-only").checked = prefs.postOnly;
    if (!byId("until").value) byId("until").value = new Date(Date.now() + 86400000).toISOString().slice(0, 16);
  }

  #listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    for (const input of all("input[type=radio], input[type=checkbox], select", this.form)) {
      input.addEventListener("change", () => {
        this.#clearErrors();
        this.#rules(input);
        this.#compute();
        remember({ type: this.kind, tif: byId("tif").value, postOnly: byId("post-only").checked, exec: byId("exec").value });
        this.refresh();
      });
    }
    for (const input of TEXTS.map(byId)) {
      input.addEventListener("input", () => {
        if (input === this.amount || input === this.total) this.typed = input.id;
        this.#clearErrors();
        this.#compute();
        byId("preview").classList.add("old");
        clearTimeout(this.settled);
        this.settled = setTimeout(() => this.#draw(), SETTLED_MS);
        this.#labels();
      });
      input.addEventListener("keydown", (event) => this.#nudge(event, input));
    }
  }

  // Post-only goes with orders that may wait.
  #rules(changed) {
    const tif = byId("tif"), post = byId("post-only"), rests = tif.value === "GTC" || tif.value === "GTD";
    if (changed === tif && !rests) post.checked = false;
    post.disabled = !rests;
  }

  // Arrow keys: a tick for a price, a step for an amount; what counts them is loaded with the first.
  async #nudge(event, input) {
    if ((event.key !== "ArrowUp" && event.key !== "ArrowDown") || input === this.total || input.id === "until") return;
    event.preventDefault();
    (await import("./nudge.js")).nudge(this.market, input, event);
  }

  #bestButtons() {
    const make = (name, pick) => {
      const button = el("button", { type: "button", "data-pick": name }, `${name} `, el("b"));
      button.addEventListener("click", () => {
        const ticks = pick();
        if (ticks === null) return;
        this.price.value = forField(this.market.price(ticks));
        this.price.dispatchEvent(new Event("input"));
      });
      return button;
    };
    const middle = () => {
      const bid = this.depth.best("bid"), ask = this.depth.best("ask");
      return bid === null || ask === null ? null : (bid + ask) / 2n;
    };
    byId("best-prices").append(make("Bid", () => this.depth.best("bid")), make("Mid", middle), make("Ask", () => this.depth.best("ask")));
  }

  #fields() {
    const fields = { side: this.side, kind: this.kind, exec: byId("exec").value, tif: byId("tif").value };
    for (const name of TEXTS) fields[name] = byId(name).value;
    for (const [name, id] of [["post_only", "post-only"], ["iceberg", "iceberg"], ["exits", "exits"]]) fields[name] = byId(id).checked;
    return fields;
  }

  // What the fields mean: null where they are empty or wrong.
  wish() {
    return wishOf(this.market, this.#fields(), this.typed === "total");
  }

  #priced() {
    return priced(this.kind, byId("exec").value);
  }

  // The price that turns an amount into a total: the limit, the trigger, or the best of the other side.
  #rate() {
    const wish = this.wish();
    return wish.limit ? wish.ticks : wish.trigger ?? this.depth.best(this.side === "buy" ? "ask" : "bid");
  }

  #compute() {
    const rate = this.#rate();
    if (rate === null) return;
    if (this.typed === "amount") {
      const lots = this.#lots();
      this.total.value = lots === null ? "" : forField(this.market.quoteText(this.market.notional(rate, lots)));
    } else {
      const plain = entered(this.total.value), units = plain === null ? null : this.market.quoteUnits(plain);
      this.amount.value = units === null ? "" : forField(this.market.amount(this.market.lotsFor(units, rate)));
    }
  }

  #lots() {
    const plain = entered(this.amount.value);
    return plain === null ? null : this.market.lots(plain);
  }

  // Lots that the balance allows at the present rate; null when unknown.
  #most() {
    const { market } = this, held = this.money();
    if (!held) return null;
    if (this.side === "sell") return held.base / market.baseUnitsPerLot;
    const rate = this.#rate();
    return rate === null ? null : market.lotsFor(held.quote, rate);
  }

  #takePart(part) {
    const held = this.money();
    if (!held) return;
    this.#clearErrors();
    if (this.kind === "market" && this.side === "buy") {
      this.total.value = forField(this.market.quoteText((held.quote * BigInt(part)) / 100n));
      this.typed = "total";
    } else {
      const most = this.#most();
      if (most === null) return;
      this.amount.value = forField(this.market.amount((most * BigInt(part)) / 100n));
      this.typed = "amount";
    }
    this.#compute();
    this.refresh();
  }

  #labels() {
    const { side, market } = this, send = byId("send"), verb = side === "buy" ? t`Buy` : t`Sell`;
    send.classList.toggle("buy", side === "buy");
    send.classList.toggle("sell", side === "sell");
    if (this.busy) return;
    if (market.signedIn) send.disabled = refuses(market.state, this.kind, byId("tif").value);
    const wish = this.wish(), amount = wish.lots ? ` ${grouped(market.amount(wish.lots))}` : "";
    const what = wish.quoteUnits !== null ? t`${verb} for ${grouped(market.quoteText(wish.quoteUnits))} ${market.quote}` : t`${verb}${amount} ${market.base}`;
    setText(byId("send-text"), market.signedIn ? what : side === "buy" ? t`Log in to buy` : t`Log in to sell`);
  }

  #draw() {
    this.dirty = false;
    clearTimeout(this.settled);
    if (this.kind === "market") this.#compute(); // Its rate is the book's.
    const { market } = this, held = this.money(), wish = this.wish(), buying = wish.side === "buy";
    const set = (id, text) => setText(byId(id), text);
    for (const [name, side] of [["Bid", "bid"], ["Ask", "ask"]]) {
      const ticks = this.depth.best(side);
      setText(this.form.querySelector(`[data-pick=${name}] b`), ticks === null ? "" : grouped(market.price(ticks)));
    }
    const most = this.#most(), lots = this.#lots();
    this.slider.show(most && lots ? Number((lots * 100n) / most) : 0, lots ? `${market.amount(lots)} ${market.base}` : "");
    const [given, text] = buying ? [market.quote, (units) => market.quoteText(units)] : [market.base, (units) => market.baseText(units)];
    set("available", held ? `${grouped(text(buying ? held.quote : held.base))} ${given}` : UNKNOWN);
    set("after-name", t`${given} after`);
    byId("preview").classList.remove("old");
    if (this.telling) this.answer = this.telling.tell(this, wish, held);
    else if (complete(wish)) this.#loadPreview();
  }

  // What counts it is loaded with the first amount.
  async #loadPreview() {
    if (this.loading) return;
    this.loading = true;
    try {
      this.telling = await import("./preview_told.js");
      this.dirty = true;
    } catch (error) {
      console.warn(`The preview did not load: ${error.message}`);
    } finally {
      this.loading = false;
    }
  }

  #clearErrors() {
    for (const name of [...TEXTS, "form"]) this.#fail(name, null);
  }

  // A sentence under a field ("form": above the button); null takes it away. `action`: {label, run}.
  #fail(name, sentence, action = null) {
    const node = byId(`${name}-error`), input = byId(name);
    if (sentence === null && node.hidden) return;
    node.hidden = sentence === null;
    node.classList.remove("warn");
    node.replaceChildren(el("span", {}, sentence ?? ""));
    if (action) {
      const button = el("button", { type: "button", class: "link" }, action.label);
      button.addEventListener("click", action.run);
      node.append(button);
    }
    if (sentence === null) return input?.removeAttribute("aria-invalid");
    input?.setAttribute("aria-invalid", "true");
    say(sentence);
  }

  // What sends is loaded with the first order.
  async #send() {
    if (!this.market.signedIn) return location.assign(this.market.loginUrl);
    if (this.busy || this.asking || byId("send").disabled) return;
    this.#clearErrors();
    this.asking = true;
    try {
      const { problemOf, send, sure } = await import("./send.js").catch(() => ({}));
      if (!send) return this.#fail("form", t`Nothing was sent: the server cannot be reached. Try again in a moment.`);
      const wish = this.wish(), problem = problemOf(this.market, this.#fields(), wish);
      if (problem) {
        this.#fail(...problem);
        return byId(problem[0])?.focus();
      }
      this.#draw();
      if (!(await sure(this, wish))) return;
      this.#setBusy(true);
      await send(this, wish, (...told) => this.#fail(...told));
    } finally {
      this.asking = false;
      this.#setBusy(false);
    }
  }

  // The most that the balance allows: {text, take}, or null.
  most() {
    const most = this.#most(), text = most ? forField(this.market.amount(most)) : "";
    const take = () => {
      this.amount.value = text;
      this.amount.dispatchEvent(new Event("input"));
      this.amount.focus();
    };
    return most ? { text, take } : null;
  }

  #setBusy(busy) {
    this.busy = busy;
    const send = byId("send");
    send.setAttribute("aria-busy", String(busy));
    send.style.minWidth = busy ? `${send.offsetWidth}px` : "";
    if (busy) setText(byId("send-text"), this.side === "buy" ? t`Buying` : t`Selling`);
    else this.refresh();
  }
}
