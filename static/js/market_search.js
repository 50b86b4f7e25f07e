// The list of markets behind the market's name: filter, arrow keys, last prices, stars.

import { getMarkets } from "./api_late.js";
import { fixed, grouped } from "./decimal.js";
import { all, byId, el, icon, setText, styled } from "./dom.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

await styled("market_search");

// Called once, when the list opens for the first time.
export async function searched(market) {
  const menu = byId("market-menu"), links = all("[data-market-link]", menu);
  const field = el("input", { type: "search", class: "market-filter", placeholder: t`Search markets`, "aria-label": t`Search markets`, autocomplete: "off", maxlength: "40" });
  links[0].parentElement.prepend(field);
  const shown = () => links.filter((link) => !link.hidden);
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const link of links) link.hidden = !link.textContent.toLowerCase().includes(wanted);
  });
  menu.addEventListener("toggle", () => menu.open && field.focus());
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === field) shown()[0]?.click();
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const ring = [field, ...shown()], at = ring.indexOf(document.activeElement);
    ring[(at + by + ring.length) % ring.length].focus();
  });
  field.focus();
  try {
    for (const ticker of await getMarkets()) {
      const cell = menu.querySelector(`[data-market-link="${CSS.escape(ticker.symbol)}"] [data-last]`), pair = market.pairs[ticker.symbol];
      if (cell && pair) setText(cell, grouped(fixed(ticker.lastPrice, pair.priceDecimals)));
    }
  } catch (error) {
    console.warn(`Prices of other markets did not load: ${error.message}`);
  }
}

// The star of this market: kept with the account.
export async function star(form) {
  const button = form.querySelector("button"), on = button.getAttribute("aria-pressed") !== "true";
  const body = new FormData(form);
  body.set("on", on ? "1" : "0");
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.message);
    button.setAttribute("aria-pressed", String(told.favourite));
    button.replaceChildren(icon(told.favourite ? "star-full" : "star"), el("span", { class: "hidden" }, t`Favourite`));
  } catch (error) {
    toast(t`The star was not kept`, error.message, "bad");
  }
}
