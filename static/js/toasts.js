// Notices at the corner: at most three, six seconds, longer while pointed at or focused; errors stay until closed.

import { byId, el, icon } from "./dom.js";
import { late } from "./late.js";
import { t } from "./speech.js";

const SHOWN_MS = 6000;
const MOST = 3;
const ICONS = { good: "check", bad: "warn", warn: "warn" };

// `tone` is "good", "bad", "warn" or ""; `action` is {label, run}. Answers a function that closes the toast.
export function toast(title, text = "", tone = "", action = null) {
  const box = byId("toasts");
  const close = el("button", { class: "icon-button small", type: "button", "aria-label": t`Close notice` }, icon("close"));
  const words = el("div", { class: "toast-words" }, el("b", {}, title));
  if (text) words.append(el("span", {}, text));
  const node = el("div", { class: `toast ${tone}`, role: tone === "bad" ? "alert" : "status" }, icon(ICONS[tone] ?? "list"), words);
  if (action) {
    const button = el("button", { class: "link", type: "button" }, action.label);
    button.addEventListener("click", () => {
      node.remove();
      action.run();
    });
    node.append(button);
  }
  node.append(close);
  close.addEventListener("click", () => node.remove());
  box.append(node);
  while (box.children.length > MOST) box.firstElementChild.remove();
  if (tone !== "bad") leaveLater(node);
  return () => node.remove();
}

// A module of the page, or undefined when it did not come however often it was asked for; one notice tells the reader of all of them.
export async function wanted(load) {
  try {
    return await late(load);
  } catch (error) {
    console.warn(`A part of the page is missing: ${error.message}`);
    const title = t`A part of the page did not load`;
    if (!byId("toasts").textContent.includes(title)) toast(title, t`The server cannot be reached. Your orders are not affected.`, "bad", { label: t`Load again`, run: () => location.reload() });
  }
}

function leaveLater(node) {
  let timer;
  const start = () => {
    timer = setTimeout(() => node.remove(), SHOWN_MS);
  };
  const stop = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) node.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) node.addEventListener(name, start);
  start();
}
