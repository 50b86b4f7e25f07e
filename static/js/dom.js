// Small words for the page: find, fill, draw once per frame.

import { dimmedParts } from "./decimal.js";

export const byId = (id) => document.getElementById(id);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of [["class", "icon"], ["width", "16"], ["height", "16"], ["aria-hidden", "true"]]) svg.setAttribute(key, value);
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

// A style sheet of a part that is loaded late; answers when it applies. Its address follows ours, however it is served.
export function styled(name) {
  const href = new URL(`../css/components/${name}.css`, import.meta.url).href;
  const known = document.querySelector(`link[href="${CSS.escape(href)}"]`);
  if (known) return Promise.resolve();
  const link = el("link", { rel: "stylesheet", href });
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// A design token as the colour that it is now, `rgb(…)`: a canvas knows neither custom properties nor the system's words.
export function colourOf(token) {
  const probe = el("i", { hidden: true });
  probe.style.color = `var(--c-${token})`;
  probe.style.forcedColorAdjust = "none";
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

// A fresh copy of what a <template> holds.
export const cloned = (id) => byId(id).content.firstElementChild.cloneNode(true);

export function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

// A figure whose empty trailing zeros are dim.
export function setFigure(node, text) {
  if (!node || node.dataset.text === text) return;
  node.dataset.text = text;
  const [bright, dim] = dimmedParts(text);
  node.textContent = bright;
  if (dim) node.append(el("span", { class: "dim" }, dim));
}

export function setDirection(node, direction) {
  if (!node) return;
  node.classList.toggle("up", direction === "up");
  node.classList.toggle("down", direction === "down");
}

const waiting = new Set();

// Run the painter before the next frame, once however often it is asked for.
export function paint(painter) {
  if (waiting.size === 0) requestAnimationFrame(paintAll);
  waiting.add(painter);
}

function paintAll() {
  const painters = [...waiting];
  waiting.clear();
  for (const painter of painters) painter();
}

// Spoken politely, to those who listen.
export function say(text) {
  setText(byId("say"), text);
}

export function alarm(text) {
  setText(byId("alarm"), text);
}

export function clockOf(ms) {
  return new Date(ms).toISOString().slice(11, 19);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// "14:11:46" today, "20 Nov 14:11" before; UTC.
export function momentOf(ms) {
  const then = new Date(ms), now = new Date();
  if (then.toISOString().slice(0, 10) === now.toISOString().slice(0, 10)) return clockOf(ms);
  return `${then.getUTCDate()} ${MONTHS[then.getUTCMonth()]} ${clockOf(ms).slice(0, 5)}`;
}
