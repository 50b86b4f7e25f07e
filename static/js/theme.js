// The theme switch: changes the page at once, and tells the server.

import { styled } from "./dom.js";

const YEAR_S = 365 * 24 * 60 * 60;
const root = document.documentElement;

function shownTheme() {
  return root.dataset.theme || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
}

// Light becomes dark, anything else light.
export async function switchTheme(form) {
  const theme = shownTheme() === "light" ? "dark" : "light";
  if (theme === "light") await styled("../tokens_light");
  root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Max-Age=${YEAR_S}; Path=/; SameSite=Lax${secure}`;
  document.dispatchEvent(new CustomEvent("themechange"));
  const body = new FormData(form);
  body.set("theme", theme);
  fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => undefined); // The cookie is set anyway.
}
