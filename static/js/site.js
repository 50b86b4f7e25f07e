// What every page has: theme switch without a reload, menus that close, the search key.

import { all, byId } from "./dom.js";
import { late } from "./late.js";

// Another script of the page that did not come is asked for again; without it the page stays as it is without script.
for (const script of all("script[type=module]")) script.addEventListener("error", () => more(() => import(script.src)));

const more = (load) => late(load).catch((error) => console.warn(`A script did not load: ${error.message}`));

const switched = async (event) => {
  event.preventDefault();
  const loaded = await more(() => import("./theme.js"));
  if (loaded) return loaded.switchTheme(event.target);
  event.target.removeEventListener("submit", switched); // As without script: the server switches it.
  event.target.requestSubmit(event.submitter);
};
document.querySelector(".theme-switch")?.addEventListener("submit", switched);
for (const wish of ["(prefers-color-scheme: light)", "(prefers-contrast: more)", "(forced-colors: active)", "print"]) {
  matchMedia(wish).addEventListener("change", () => document.dispatchEvent(new CustomEvent("themechange")));
}

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
if (document.querySelector("input[type=password][data-show]")) more(() => import("./show_password.js"));
if (document.querySelector(".password-rules")) more(() => import("./password_rules.js"));
