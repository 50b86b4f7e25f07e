// What every page has: theme switch without a reload, menus that close, the search key.

import { all, byId } from "./dom.js";

document.querySelector(".theme-switch")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  (await import("./theme.js")).switchTheme(event.target);
});
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("themechange")));

const openMenus = () => all("details.menu[open]");
document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of openMenus()) {
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
if (document.querySelector(".password-rules")) import("./password_rules.js");
