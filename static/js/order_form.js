// The order form: fields that compute each other exactly, a preview, and one send at a time.

import { placeOrder } from "./api.js";
import { entered, grouped, percent } from "./decimal.js";
import { all, byId, confirmed, el, say, setText } from "./dom.js";
import { refuses } from "./market_state.js";
import { preview } from "./preview.js";
import { sendOnce } from "./sending.js";
import { Slider } from "./slider.js";
import { NO_ANSWER, explain, outcomeOf } from "./words.js";
import { toast } from "./toasts.js";

const PREVIEW_EVERY_MS = 200;
const FAR_PERCENT = 3n;

export class OrderForm {
  // `onplaced` hears of a placed order, `onrefused` of anything else that came of sending one.
  constructor(market, depth, money, { onplaced, onrefused }) {
    Object.assign(this, { market, depth, money, onplaced, onrefused });
    this.form = byId("order-form");
    this.price = byId("price");
    this.amount = byId("amount");
    this.total = byId("total");
    this.typed = "amount";
    this.busy = false;
    this.slider = new Slider(byId("slider-slot"), (part) => this.#takePart(part));
    this.#bestButtons();
    this.#listen();
    this.form.dataset.type = this.type;
    if (this.amount.value) this.#compute();
    this.refresh();
    setInterval(() => this.dirty && this.#draw(), PREVIEW_EVERY_MS);
  }

  get side() {
    return this.form.elements.side.value;
  }

  get type() {
    return this.form.elements.type.value;
  }

  setSide(side) {
    this.form.elements.side.value = side;
    this.refresh();
  }

  // From a click in the book or tape: the price, and the amount up to a level when its size was meant.
  take({ price, lots }) {
    if (this.type === "limit") this.price.value = grouped(price);
    if (lots) {
      const most = this.#most();
      this.amount.value = grouped(this.market.amount(most !== null && most > 0n && most < lots ? most : lots));
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

  #listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    for (const input of all("input[name=side], input[name=type]", this.form)) {
      input.addEventListener("change", () => {
        this.form.dataset.type = this.type;
        this.#clearErrors();
        this.#compute();
        this.refresh();
      });
    }
    for (const input of [this.price, this.amount, this.total]) {
      input.addEventListener("input", () => {
        if (input !== this.price) this.typed = input === this.total ? "total" : "amount";
        this.#clearErrors();
        this.#compute();
        this.dirty = true;
        byId("preview").classList.add("old");
        this.#labels();
      });
      input.addEventListener("keydown", (event) => this.#nudge(event, input));
    }
    for (const input of [byId("tif"), byId("post-only")]) input.addEventListener("change", () => this.#rules(input));
  }

  #rules(changed) {
    const tif = byId("tif"), post = byId("post-only");
    if (changed === tif && tif.value !== "GTC") post.checked = false;
    post.disabled = tif.value !== "GTC";
    this.refresh();
  }

  // Arrow keys: a tick for the price, a step for the amount; with Shift ten.
  #nudge(event, input) {
    if ((event.key !== "ArrowUp" && event.key !== "ArrowDown") || input === this.total) return;
    event.preventDefault();
    const by = (event.shiftKey ? 10n : 1n) * (event.key === "ArrowUp" ? 1n : -1n);
    const { market } = this, isPrice = input === this.price;
    const plain = entered(input.value) ?? "0";
    const now = (isPrice ? market.ticks(plain) : market.lots(plain)) ?? 0n;
    const next = now + by > 0n ? now + by : 0n;
    input.value = grouped(isPrice ? market.price(next) : market.amount(next));
    input.dispatchEvent(new Event("input"));
  }

  #bestButtons() {
    const make = (name, pick) => {
      const button = el("button", { type: "button", "data-pick": name }, `${name} `, el("b"));
      button.addEventListener("click", () => {
        const ticks = pick();
        if (ticks === null) return;
        this.price.value = grouped(this.market.price(ticks));
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

  // What the fields mean: null where they are empty or wrong.
  wish() {
    const read = (input, parse) => {
      const plain = entered(input.value);
      return plain === null ? null : parse(plain);
    };
    const limit = this.type === "limit";
    const lots = read(this.amount, (plain) => this.market.lots(plain));
    const byQuote = !limit && this.typed === "total";
    return {
      side: this.side, type: this.type, ticks: limit ? read(this.price, (plain) => this.market.ticks(plain)) : null,
      lots: byQuote ? null : lots, quoteUnits: byQuote ? read(this.total, (plain) => this.market.quoteUnits(plain)) : null,
      tif: byId("tif").value, postOnly: limit && byId("post-only").checked,
    };
  }

  // The price that turns an amount into a total: the limit, or the best of the other side.
  #rate() {
    return this.type === "limit" ? this.wish().ticks : this.depth.best(this.side === "buy" ? "ask" : "bid");
  }

  #compute() {
    const rate = this.#rate();
    if (rate === null) return;
    if (this.typed === "amount") {
      const lots = this.#lots();
      this.total.value = lots === null ? "" : grouped(this.market.quoteText(this.market.notional(rate, lots)));
    } else {
      const plain = entered(this.total.value), units = plain === null ? null : this.market.quoteUnits(plain);
      this.amount.value = units === null ? "" : grouped(this.market.amount(this.market.lotsFor(units, rate)));
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
    if (this.type === "market" && this.side === "buy") {
      this.total.value = grouped(this.market.quoteText((held.quote * BigInt(part)) / 100n));
      this.typed = "total";
    } else {
      const most = this.#most();
      if (most === null) return;
      this.amount.value = grouped(this.market.amount((most * BigInt(part)) / 100n));
      this.typed = "amount";
    }
    this.#compute();
    this.refresh();
  }

  #labels() {
    const side = this.side, send = byId("send"), verb = side === "buy" ? "Buy" : "Sell";
    send.classList.toggle("buy", side === "buy");
    send.classList.toggle("sell", side === "sell");
    if (this.busy) return;
    const closed = refuses(this.market.state, this.type, byId("tif").value);
    if (this.market.signedIn) send.disabled = closed;
    const lots = this.#lots(), wish = this.wish();
    const what = wish.quoteUnits !== null ? `${verb} for ${grouped(this.market.quoteText(wish.quoteUnits))} ${this.market.quote}` : lots ? `${verb} ${grouped(this.market.amount(lots))} ${this.market.base}` : `${verb} ${this.market.base}`;
    setText(byId("send-text"), this.market.signedIn ? what : `Log in to ${side}`);
  }

  #draw() {
    this.dirty = false;
    if (this.type === "market") this.#compute(); // Its rate is the book's.
    const { market } = this, held = this.money(), wish = this.wish(), buying = wish.side === "buy";
    const set = (id, text) => setText(byId(id), text);
    for (const [name, side] of [["Bid", "bid"], ["Ask", "ask"]]) {
      const ticks = this.depth.best(side);
      setText(this.form.querySelector(`[data-pick=${name}] b`), ticks === null ? "" : grouped(market.price(ticks)));
    }
    const most = this.#most(), lots = this.#lots();
    this.slider.show(most && lots ? Number((lots * 100n) / most) : 0, lots ? `${market.amount(lots)} ${market.base}` : "");
    set("available", held ? `${grouped(buying ? market.quoteText(held.quote) : market.baseText(held.base))} ${buying ? market.quote : market.base}` : "\u2014");
    set("after-name", `${buying ? market.quote : market.base} after`);
    byId("preview").classList.remove("old");
    const complete = (wish.type === "market" || wish.ticks) && (wish.lots || wish.quoteUnits);
    const answer = complete ? preview(market, this.depth, wish, held) : null;
    byId("fate").parentElement.classList.toggle("warn", Boolean(answer && (answer.tone === "warn" || answer.tooLittle)));
    const given = buying ? [market.quote, (units) => market.quoteText(units)] : [market.base, (units) => market.baseText(units)];
    const short = answer?.tooLittle ? `Needs ${grouped(given[1](answer.need))} ${given[0]}, you have ${grouped(given[1](buying ? held.quote : held.base))}.` : null;
    set("fate", short ?? answer?.fate ?? "Enter an amount to see what will happen.");
    set("average", answer?.average != null ? grouped(market.price(answer.average)) : "\u2014");
    set("slippage", answer?.slippage ?? "\u2014");
    const maker = answer?.feeName === "maker";
    set("fee-name", `Fee, ${maker ? "maker" : "taker"} ${percent(maker ? market.makerPpm : market.takerPpm, 1000000n, false)}`);
    const got = (units) => (buying ? `${grouped(market.baseText(units))} ${market.base}` : `${grouped(market.quoteText(units))} ${market.quote}`);
    set("fee", answer ? got(answer.fee) : "\u2014");
    set("receive", answer ? got(answer.receive) : "\u2014");
    set("after", answer?.after != null && answer.after >= 0n ? grouped(given[1](answer.after)) : "\u2014");
    this.answer = answer;
  }

  #clearErrors() {
    for (const name of ["price", "amount", "total", "form"]) this.#fail(name, null);
  }

  // A sentence under a field ("form": above the button); null takes it away. `action`: {label, run}.
  #fail(name, sentence, action = null) {
    const node = byId(`${name}-error`), input = byId(name);
    node.hidden = sentence === null;
    node.classList.remove("warn");
    node.replaceChildren(el("span", {}, sentence ?? ""));
    if (action) {
      const button = el("button", { type: "button", class: "link" }, action.label);
      button.addEventListener("click", action.run);
      node.append(button);
    }
    input?.toggleAttribute("aria-invalid", sentence !== null);
    if (sentence !== null) {
      input?.setAttribute("aria-invalid", "true");
      say(sentence);
    }
  }

  #problem() {
    const wish = this.wish();
    if (wish.type === "limit") {
      const problem = this.market.priceProblem(entered(this.price.value));
      if (problem) return ["price", problem];
    }
    if (wish.type === "market" && this.typed === "total") {
      return wish.quoteUnits ? null : ["total", `Enter a total with at most ${this.market.quoteDecimals} decimals.`];
    }
    const problem = this.market.amountProblem(entered(this.amount.value));
    if (problem) return ["amount", problem];
    return wish.ticks !== null && !this.market.fits(wish.ticks, wish.lots) ? ["amount", "Price times amount is too large."] : null;
  }

  async #send() {
    if (!this.market.signedIn) return location.assign(this.market.loginUrl);
    if (this.busy || byId("send").disabled) return;
    this.#clearErrors();
    const problem = this.#problem();
    if (problem) {
      this.#fail(...problem);
      byId(problem[0])?.focus();
      return;
    }
    this.#draw();
    const wish = this.wish();
    if (!(await this.#sure(wish))) return;
    this.#setBusy(true);
    try {
      const order = await sendOnce(placeOrder, orderOf(this.market, wish), () => this.#noAnswer());
      this.#fail("form", null);
      this.onplaced(order);
      const told = outcomeOf(this.market, order);
      say(told.title);
      if (told.toast) toast(told.title, told.text, told.tone);
    } catch (error) {
      this.#fail("form", null);
      this.#refused(error, wish);
    } finally {
      this.#setBusy(false);
    }
  }

  // Said at once, and until the engine has told.
  #noAnswer() {
    this.#fail("form", NO_ANSWER);
    byId("form-error").classList.add("warn");
    setText(byId("send-text"), "Asking");
  }

  #refused(error, wish) {
    const told = explain(this.market, error, wish, this.answer, this.money(), this.depth);
    const most = this.#most();
    const use = error.code === "INSUFFICIENT_FUNDS" && most ? { label: `Use ${this.market.amount(most)} ${this.market.base}`, run: () => this.#takePart(100) } : null;
    this.#fail(told.field, told.sentence, use);
    byId("form-error").classList.toggle("warn", error.outcomeUnknown === true);
    if (told.field !== "form") byId(told.field)?.focus();
    this.onrefused();
  }

  #setBusy(busy) {
    this.busy = busy;
    const send = byId("send");
    send.setAttribute("aria-busy", String(busy));
    send.style.minWidth = busy ? `${send.offsetWidth}px` : "";
    if (busy) setText(byId("send-text"), this.side === "buy" ? "Buying" : "Selling");
    else this.refresh();
  }

  // Ask before what looks like a slip of the finger.
  async #sure(wish) {
    const { market } = this, buying = wish.side === "buy", best = this.depth.best(buying ? "ask" : "bid"), verb = buying ? "buying" : "selling";
    if (wish.type === "limit" && best !== null) {
      const worse = buying ? wish.ticks - best : best - wish.ticks;
      if (worse * 100n > best * FAR_PERCENT) {
        const text = `You are ${verb} at ${grouped(market.price(wish.ticks))}. The best ${buying ? "ask" : "bid"} is ${grouped(market.price(best))}, so you ${buying ? "offer" : "give up"} ${percent(worse, best, false)} more than needed. The order would fill at once, ${buying ? "at up to" : "down to"} ${grouped(market.price(wish.ticks))}.`;
        const use = { label: `Use ${grouped(market.price(best))}`, run: () => this.take({ price: market.price(best), lots: null }) };
        return confirmed("This price is far from the market", text, "Send anyway", "Change price", use);
      }
    }
    if (wish.type === "market" && this.answer) {
      const held = this.money(), have = held && (buying ? held.quote : held.base);
      if (this.answer.slippageTooBig) return confirmed("This order moves the market", `Slippage would be ${this.answer.slippage}.`, "Send anyway", "Change amount");
      if (have && this.answer.need * 2n > have) return confirmed("This is more than half of your balance", `The order uses ${percent(this.answer.need, have, false)} of your ${buying ? market.quote : market.base}.`, "Send anyway", "Change amount");
    }
    return true;
  }
}

function orderOf(market, wish) {
  const order = { symbol: market.symbol, side: wish.side === "buy" ? "Bid" : "Ask", orderType: wish.type === "limit" ? "Limit" : "Market" };
  if (wish.quoteUnits !== null) order.quoteQuantity = market.quoteText(wish.quoteUnits);
  else order.quantity = market.amount(wish.lots);
  if (wish.type === "limit") Object.assign(order, { price: market.price(wish.ticks), timeInForce: wish.tif, postOnly: wish.postOnly });
  return order;
}
