// The trading page: one market, one socket, and the parts that live on it. What only some readers need (orders of one's
// own, sending, keys, the search, dialogs) is loaded when they do.

import * as api from "./api.js";
import { BookView } from "./book.js";
import { Depth } from "./depth.js";
import { all, byId, styled } from "./dom.js";
import { Market } from "./market.js";
import { MarketState } from "./market_state.js";
import { OrderForm } from "./order_form.js";
import { Socket } from "./socket.js";
import { t } from "./speech.js";
import { Connection } from "./status.js";
import { Strip } from "./strip.js";
import { Tape } from "./tape.js";
import { toast, wanted } from "./toasts.js";
import { enhanceViews } from "./views.js";

const market = new Market(JSON.parse(document.body.dataset.market));
const socket = new Socket();
const views = enhanceViews();
let ownLevels = { bid: new Set(), ask: new Set() };
let own = null, chart = null;

const depth = new Depth(market, () => api.getDepth(market.symbol), () => {
  book.changed();
  form.refresh();
  chart?.bookChanged();
  connection.book(depth.updateId, depth.proved);
}, (state) => connection.checking(state === "checking"));
const pick = (picked) => {
  if (views.phone()) views.show("trade");
  form.take(picked);
};
const book = new BookView(market, depth, pick);
const form = new OrderForm(market, depth, {
  money: () => own?.money() ?? null,
  onplaced: () => refreshOwn(),
  onrefused: () => {
    state.suspect();
    refreshOwn();
  },
  own: (side) => ownLevels[side],
  last: () => strip.last,
});
const state = new MarketState(market, () => form.marketChanged());
const strip = new Strip(market);
const tape = new Tape(market, (id) => own?.orders.isOwn(id) ?? false, (price) => pick({ price, lots: null }));
const connection = new Connection(socket);

byId("read-market").addEventListener("click", async () => (await wanted(() => import("./read_market.js")))?.readMarket(market, depth, strip.last));
views.onside = (side) => form.setSide(side);

function trouble(what) {
  return (error) => console.warn(`${what}: ${error.message}`);
}

const refreshOwn = () => own?.refresh().catch(trouble("orders and balances"));

function openChanged(open) {
  const resting = open.filter((order) => order.status !== "TriggerPending" && order.price);
  const ticksOf = (side) => new Set(resting.filter((order) => order.side === side).map((order) => market.ticks(order.price)));
  ownLevels = { bid: ticksOf("Bid"), ask: ticksOf("Ask") };
  book.setOwn(ownLevels);
  chart?.setOrders(open);
}

async function startOwn() {
  if (!market.signedIn) return;
  const loaded = await wanted(() => import("./own.js"));
  if (!loaded) return;
  own = new loaded.Own(market, { onmoney: () => form.refresh(), onopen: openChanged, onfill: (fill) => chart?.addFill(fill) });
  own.hear(socket);
}

async function refreshPublic() {
  const [trades] = await Promise.all([api.getTrades(market.symbol, 60), chart?.reload()]);
  tape.fill(trades);
  if (trades.length) strip.trade(market.ticks(trades[0].price), trades[0].isBuyerMaker);
}

function hearPublic() {
  socket.hear(`depth.${market.symbol}`, (frame) => depth.frame(frame));
  socket.hear(`checksum.${market.symbol}`, (frame) => {
    depth.checksum(frame);
    connection.book(depth.updateId, depth.proved);
  });
  socket.hear(`trade.${market.symbol}`, (frame) => {
    tape.add(frame);
    strip.trade(market.ticks(frame.p), frame.m);
    form.refresh();
  });
  socket.hear(`ticker.${market.symbol}`, (frame) => strip.ticker(frame));
}

async function startChart() {
  const loaded = await wanted(() => import("./chart.js"));
  if (!loaded) return;
  chart = new loaded.Chart(market, socket, depth, () => own?.orders);
  for (const link of all("[data-interval]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      for (const each of all("[data-interval]")) each.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      const more = link.closest("details");
      if (more) more.open = false;
      views.remember("interval", link.dataset.interval);
      chart.show(link.dataset.interval).catch((error) => toast(t`The chart did not load`, error.message, "bad"));
    });
  }
  await chart.show(market.interval);
}

// Each time the connection is there: everything is asked again, and healed.
socket.onopen = () => {
  state.ask();
  connection.opened();
  depth.resync();
  refreshPublic().catch(trouble("trades"));
  refreshOwn();
};

// Only readers whose system decides every colour load what they need.
const forced = matchMedia("(forced-colors: active)");
const forcedColours = async () => {
  if (!forced.matches) return;
  await styled("../system_colours");
  document.dispatchEvent(new CustomEvent("themechange"));
};
forced.addEventListener("change", forcedColours);
forcedColours();

// What the server had to say about a form arrives as a toast too.
for (const notice of all(".notices li")) {
  toast(notice.textContent.trim(), "", notice.classList.contains("error") ? "bad" : "good");
  notice.parentElement.remove();
}

// Keys, their sheet and the search of markets are loaded at the first key, or when they are opened.
let keys = null;
const withKeys = (event) => {
  keys ??= wanted(() => import("./keys.js")).then((loaded) => loaded && new loaded.Keys(views, () => own?.orders));
  keys.then((loaded) => loaded ? loaded.press(event) : (keys = null)).catch(trouble("keys"));
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select");
  if (typing && event.key !== "Escape") return;
  if (event.key === "/" || event.key === "?") event.preventDefault(); // Or the browser's own search opens before ours.
  withKeys(event);
});
byId("shortcuts").addEventListener("click", () => withKeys(null));
let search = null;
const withSearch = () => (search ??= wanted(() => import("./market_search.js")).then((loaded) => loaded ? loaded.searched(market) : (search = null)));
byId("market-menu").addEventListener("toggle", withSearch);
byId("star")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  (await wanted(() => import("./market_search.js")))?.star(event.target);
});

// The line opens when the page's forms are ours: "live" may not stand over a form that would still load a new page.
hearPublic();
const mine = startOwn().catch(trouble("orders and balances"));
mine.then(() => socket.open());
startChart()
  .then(async () => {
    await mine;
    if (!own || !chart) return;
    own.orders.tell();
    chart.setFills(await own.fillMarks());
  })
  .catch(trouble("The chart did not start"));
