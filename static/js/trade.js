// The trading page: one market, one socket, and the parts that live on it.

import * as api from "./api.js";
import { BookView } from "./book.js";
import { grouped, toUnits } from "./decimal.js";
import { Depth } from "./depth.js";
import { all, byId, say } from "./dom.js";
import { enhanceKeys } from "./keys.js";
import { Market } from "./market.js";
import { MarketState } from "./market_state.js";
import { OrderForm } from "./order_form.js";
import { Orders, showBalance } from "./orders.js";
import { Socket } from "./socket.js";
import { Connection } from "./status.js";
import { Strip, readButton } from "./strip.js";
import { Tape } from "./tape.js";
import { toast } from "./toasts.js";
import { enhanceViews } from "./views.js";
import { endWords, fillsTold } from "./words.js";

const FILLS_TOGETHER_MS = 1000;

const market = new Market(JSON.parse(document.body.dataset.market));
const socket = new Socket();
const capital = new Map();
const views = enhanceViews(market);

const depth = new Depth(market, () => api.getDepth(market.symbol), () => {
  book.changed();
  form.refresh();
  connection.book(depth.updateId);
}, (state) => connection.checking(state === "checking"));
const book = new BookView(market, depth, (picked) => {
  if (views.phone()) views.show("trade");
  form.take(picked);
});
const form = new OrderForm(market, depth, moneyOf, {
  onplaced: () => refreshOwn().catch(trouble("orders and balances")),
  onrefused: () => {
    state.suspect();
    refreshOwn().catch(trouble("orders and balances"));
  },
});
const state = new MarketState(market, () => form.marketChanged());
const strip = new Strip(market);
const orders = new Orders(market, (open) => {
  book.setOwn(open.map((order) => market.ticks(order.price)));
  chart?.setOrders(open.map((order) => ({ price: order.price, title: `${order.side === "Bid" ? "Buy" : "Sell"} ${grouped(order.quantity)}` })));
});
const tape = new Tape(market, orders.isOwn, (price) => {
  if (views.phone()) views.show("trade");
  form.take({ price, lots: null });
});
const connection = new Connection(socket);
let chart = null;
let fills = new Map();

readButton(market, depth, strip, say);
enhanceKeys(views, () => orders.cancelAll());
views.onside = (side) => form.setSide(side);

// Available units of the two assets of this market, or null for a visitor.
function moneyOf() {
  if (!market.signedIn || !capital.size) return null;
  const units = (asset, decimals) => toUnits(capital.get(asset)?.available ?? "0", decimals) ?? 0n;
  return { base: units(market.base, market.baseDecimals), quote: units(market.quote, market.quoteDecimals) };
}

function takeBalance(asset, money) {
  capital.set(asset, money);
  showBalance(asset, money);
  form.refresh();
}

async function refreshOwn() {
  if (!market.signedIn) return;
  const [money] = await Promise.all([api.getCapital(), orders.refresh()]);
  for (const [asset, amounts] of Object.entries(money)) takeBalance(asset, amounts);
}

async function refreshPublic() {
  const [trades] = await Promise.all([api.getTrades(market.symbol, 60), chart?.reload()]);
  tape.fill(trades);
  if (trades.length) strip.trade(market.ticks(trades[0].price), trades[0].isBuyerMaker);
}

function hearPublic() {
  socket.hear(`depth.${market.symbol}`, (frame) => depth.frame(frame));
  socket.hear(`trade.${market.symbol}`, (frame) => {
    tape.add(frame);
    strip.trade(market.ticks(frame.p), frame.m);
    form.refresh();
  });
  socket.hear(`ticker.${market.symbol}`, (frame) => strip.ticker(frame));
}

function hearOwn() {
  socket.hear("account.orderUpdate", (frame) => {
    orders.event(frame);
    if (frame.e === "orderFill") takeFill(frame);
    if (frame.e === "orderExpired" && frame.z !== "0") toast("Order ended early", `Order ${frame.i}: ${endWords(frame.R)}.`, "warn");
    if (frame.e === "orderCancelled") say("Order cancelled.");
  });
  socket.hear("account.balanceUpdate", (frame) => takeBalance(frame.a, { available: frame.A, locked: frame.L }));
}

// Fills of one order inside a second become one toast.
function takeFill(frame) {
  const pair = market.pair(frame.s);
  const fill = {
    order: frame.i, symbol: frame.s, side: frame.S, status: frame.X, lots: toUnits(frame.l, pair.quantityDecimals), ticks: toUnits(frame.L, pair.priceDecimals),
    fee: toUnits(frame.n, 18) ?? 0n, feeAsset: frame.N,
  };
  chart?.addFill({ symbol: frame.s, time: Math.floor(frame.T / 1000000), bought: frame.S === "Bid" });
  const together = fills.get(frame.i);
  if (together) return together.push(fill);
  fills.set(frame.i, [fill]);
  setTimeout(() => {
    const { title, text } = fillsTold(market, fills.get(frame.i));
    fills.delete(frame.i);
    toast(title, text, "good", { label: "View", run: () => (views.show("orders"), orders.show("fills")) });
    say(title);
  }, FILLS_TOGETHER_MS);
}

async function startChart() {
  const { Chart } = await import("./chart.js");
  chart = new Chart(market, socket);
  for (const link of all("[data-interval]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      for (const each of all("[data-interval]")) each.toggleAttribute("aria-current", each === link);
      link.setAttribute("aria-current", "true");
      views.remember("interval", link.dataset.interval);
      chart.show(link.dataset.interval).catch((error) => toast("The chart did not load", error.message, "bad"));
    });
  }
  await chart.show(market.interval);
  if (!market.signedIn) return;
  const own = await api.getFills({ symbol: market.symbol });
  chart.setFills(own.map((fill) => ({ time: Math.floor(Date.parse(`${fill.timestamp}Z`) / 1000), bought: fill.side === "Bid" })));
}

function trouble(what) {
  return (error) => console.warn(`${what}: ${error.message}`);
}

// Each time the connection is there: everything is asked again, and healed.
socket.onopen = () => {
  state.ask();
  connection.opened();
  depth.resync();
  refreshPublic().catch(trouble("trades"));
  refreshOwn().catch(trouble("orders and balances"));
};

for (const faucet of all("[data-faucet]")) {
  faucet.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await api.askFaucet(faucet.getAttribute("action"));
      toast("Demo funds have arrived", "", "good");
      await refreshOwn();
    } catch (error) {
      toast("No demo funds", error.message, "bad");
    }
  });
}

// What the server had to say about a form arrives as a toast too.
for (const notice of all(".notices li")) {
  toast(notice.textContent.trim(), "", notice.classList.contains("error") ? "bad" : "good");
  notice.parentElement.remove();
}

hearPublic();
if (market.signedIn) hearOwn();
socket.open();
startChart().catch((error) => {
  console.warn(`The chart did not start: ${error.message}`);
});
