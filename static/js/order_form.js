// The order form: fields that compute each other exactly, a preview, and one send at a time.

import { UNKNOWN, entered, forField, grouped } from "./decimal.js";
import { all, byId, el, say, setText } from "./dom.js";
import { late } from "./late.js";
import { refuses } from "./market_state.js";
import { prefs, remember } from "./prefs.js";
import { t } from "./speech.js";
import { wanted } from "./toasts.js";
import { missing, priced, wishOf } from "./terms.js";

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
    this.picks = new Map(all("[data-pick]", this.form).map((button) => [button.dataset.pick, button]));
    this.#listen();
    this.#rules(null);
    if (this.amount.value) {
      this.compute();
      this.acts();
    }
    this.refresh();
    setInterval(() => this.dirty && this.draw(), PREVIEW_EVERY_MS);
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

  // The slider and what else an act of the reader needs is loaded when a pointer or the focus comes to the form, or the book is
  // clicked. Answers the module, or undefined when it did not come.
  async acts() {
    const loaded = await wanted(() => import("./order_form_acts.js"));
    this.slider ??= loaded?.sliderOf(this);
    this.dirty = true;
    return loaded;
  }

  // From a click in the book or tape: the price, and the amount up to a level when its size was meant.
  async take(picked) {
    (await this.acts())?.take(this, picked);
  }

  // The market takes other orders than before: what it last refused may be taken now, or is said better.
  marketChanged() {
    this.fail("form", null);
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
    for (const name of ["pointerover", "focusin"]) this.form.addEventListener(name, () => this.acts(), { once: true });
    byId("best-prices").addEventListener("click", async (event) => {
      const name = event.target.closest("[data-pick]")?.dataset.pick;
      if (name) (await this.acts())?.takeBest(this, name);
    });
    for (const input of all("input[type=radio], input[type=checkbox], select", this.form)) {
      input.addEventListener("change", () => {
        this.clearErrors();
        this.#rules(input);
        this.compute();
        remember({ type: this.kind, tif: byId("tif").value, postOnly: byId("post-only").checked, exec: byId("exec").value });
        this.refresh();
      });
    }
    for (const input of TEXTS.map(byId)) {
      input.addEventListener("input", () => {
        if (input === this.amount || input === this.total) this.typed = input.id;
        this.clearErrors();
        this.compute();
        byId("preview").classList.add("old");
        clearTimeout(this.settled);
        this.settled = setTimeout(() => this.draw(), SETTLED_MS);
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
    (await wanted(() => import("./nudge.js")))?.nudge(this.market, input, event);
  }

  fields() {
    const fields = { side: this.side, kind: this.kind, exec: byId("exec").value, tif: byId("tif").value };
    for (const name of TEXTS) fields[name] = byId(name).value;
    for (const [name, id] of [["post_only", "post-only"], ["iceberg", "iceberg"], ["exits", "exits"]]) fields[name] = byId(id).checked;
    return fields;
  }

  // What the fields mean: null where they are empty or wrong.
  wish() {
    return wishOf(this.market, this.fields(), this.typed === "total");
  }

  priced() {
    return priced(this.kind, byId("exec").value);
  }

  // The price that turns an amount into a total: the limit, the trigger, or the best of the other side.
  rate() {
    const wish = this.wish();
    return wish.limit ? wish.ticks : wish.trigger ?? this.depth.best(this.side === "buy" ? "ask" : "bid");
  }

  compute() {
    const rate = this.rate();
    if (rate === null) return;
    if (this.typed === "amount") {
      const lots = this.lots();
      this.total.value = lots === null ? "" : forField(this.market.quoteText(this.market.notional(rate, lots)));
    } else {
      const plain = entered(this.total.value), units = plain === null ? null : this.market.quoteUnits(plain);
      this.amount.value = units === null ? "" : forField(this.market.amount(this.market.lotsFor(units, rate)));
    }
  }

  lots() {
    const plain = entered(this.amount.value);
    return plain === null ? null : this.market.lots(plain);
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

  draw() {
    this.dirty = false;
    clearTimeout(this.settled);
    if (this.kind === "market") this.compute(); // Its rate is the book's.
    const { market } = this, held = this.money(), wish = this.wish(), buying = wish.side === "buy";
    const set = (id, text) => setText(byId(id), text);
    for (const name of ["bid", "ask"]) {
      const ticks = this.depth.best(name);
      setText(this.picks.get(name).lastElementChild, ticks === null ? "" : grouped(market.price(ticks)));
    }
    this.slider?.follow();
    const [given, text] = buying ? [market.quote, (units) => market.quoteText(units)] : [market.base, (units) => market.baseText(units)];
    set("available", held ? `${grouped(text(buying ? held.quote : held.base))} ${given}` : UNKNOWN);
    set("after-name", t`${given} after`);
    byId("preview").classList.remove("old");
    if (this.telling) this.answer = this.telling.tell(this, wish, held);
    else if (missing(wish) === null) this.loadPreview();
  }

  // What counts it is loaded with the first amount; an order is not sent before.
  loadPreview() {
    this.loading ??= wanted(() => import("./preview_told.js")).then((loaded) => {
      if (!loaded) this.loading = null; // The next amount asks again.
      this.telling = loaded;
      this.dirty = true;
    });
    return this.loading;
  }

  clearErrors() {
    for (const name of [...TEXTS, "form"]) this.fail(name, null);
  }

  // A sentence under a field ("form": above the button); null takes it away. `action`: {label, run}.
  fail(name, sentence, action = null) {
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
    this.clearErrors();
    this.asking = true;
    try {
      const { sendForm } = await late(() => import("./send.js")).catch(() => ({}));
      if (sendForm) await sendForm(this);
      else this.fail("form", t`Nothing was sent: the server cannot be reached. Try again in a moment.`);
    } finally {
      this.asking = false;
      this.setBusy(false);
    }
  }

  setBusy(busy) {
    this.busy = busy;
    const send = byId("send");
    send.setAttribute("aria-busy", String(busy));
    send.style.minWidth = busy ? `${send.offsetWidth}px` : "";
    if (busy) setText(byId("send-text"), this.side === "buy" ? t`Buying` : t`Selling`);
    else this.refresh();
  }
}
