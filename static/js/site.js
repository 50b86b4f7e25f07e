// What every page has: theme switch without a reload, menus that close, the search key.

import { all, byId, styled } from "./dom.js";

const YEAR_S = 365 * 24 * 60 * 60;
const root = document.documentElement;

function shownTheme() {
  return root.dataset.theme || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
}

async function setTheme(theme) {
  if (theme === "light") await styled("../tokens_light");
  root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Max-Age=${YEAR_S}; Path=/; SameSite=Lax${secure}`;
  document.dispatchEvent(new CustomEvent("themechange"));
}

const themeForm = document.querySelector(".theme-switch");
themeForm?.addEventListener("submit", async (event) => {
  event.preventDefault();
  await setTheme(shownTheme() === "light" ? "dark" : "light");
  const body = new FormData(themeForm);
  body.set("theme", root.dataset.theme);
  fetch(themeForm.action, { method: "POST", body, redirect: "manual" }).catch(() => undefined); // The cookie is set anyway.
});
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("themechange")));

const menus = all("details.menu");
document.addEventListener("click", (event) => {
  for (const menu of menus) if (menu.open && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of menus) {
      if (!menu.open) continue;
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  if (event.key === "/" && !event.target.closest("input, textarea, select, [contenteditable]") && !event.ctrlKey && !event.metaKey) {
    const search = byId("site-search");
    if (search?.offsetParent && !byId("market-menu")) {
      event.preventDefault();
      search.focus();
    }
  }
});

// Passwords that can be shown: only pages that have such a field load what does it.
if (document.querySelector("input[type=password][data-show]")) import("./show_password.js");
