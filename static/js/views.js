// Tabs of the phone, and the keys of the trading page.

import { all, byId } from "./dom.js";

const INTERVAL_KEYS = "1234567";

export function enhanceViews(market) {
  const narrow = matchMedia("(max-width: 47.99rem)");
  const views = {
    onside: () => {},
    phone: () => narrow.matches,
    remember(name, value) {
      const address = new URL(location.href);
      address.searchParams.set(name, value);
      history.replaceState(null, "", address);
    },
    show(view) {
      document.body.dataset.view = view;
      for (const link of all("[data-view-link]")) {
        if (link.dataset.viewLink === view) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      views.remember("view", view);
      if (narrow.matches) scrollTo(0, Math.min(scrollY, document.querySelector(".strip").offsetHeight + 44));
    },
  };
  for (const link of all("[data-view-link]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      views.show(link.dataset.viewLink);
    });
  }
  for (const link of all("[data-quick-side]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      views.onside(link.dataset.quickSide);
      views.show("trade");
    });
  }
  // The words do not fit beside the book of a phone; the codes do.
  const words = all("#tif option").map((option) => option.textContent);
  const fitWords = () => all("#tif option").forEach((option, index) => {
    option.textContent = narrow.matches ? option.value : words[index];
  });
  narrow.addEventListener("change", fitWords);
  fitWords();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || byId("ask").open) return;
    if (event.key === "Escape") return document.activeElement?.blur?.();
    if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select")) return;
    const key = event.key.toLowerCase();
    if (!event.shiftKey && key in KEYS) {
      event.preventDefault();
      KEYS[key](views);
    } else if (INTERVAL_KEYS.includes(key) && key) all("[data-interval]")[Number(key) - 1]?.click();
  });
  return views;
}

function choose(name, value) {
  const input = byId("order-form").querySelector(`[name=${name}][value=${value}]`);
  input.checked = true;
  input.dispatchEvent(new Event("change"));
}

const field = (id) => (views) => {
  if (views.phone()) views.show("trade");
  byId(id).focus();
  byId(id).select();
};
const tab = (name) => () => document.querySelector(`[data-tab=${name}]`).click();

const KEYS = {
  b: (views) => (choose("side", "buy"), views.onside("buy")),
  s: (views) => (choose("side", "sell"), views.onside("sell")),
  m: () => choose("type", "market"),
  l: () => choose("type", "limit"),
  p: field("price"),
  a: field("amount"),
  t: field("total"),
  o: tab("open"),
  h: tab("history"),
  f: tab("fills"),
};
