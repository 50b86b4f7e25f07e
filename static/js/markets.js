// The list of markets, alive: figures by stream, filter, sorting and stars without a reload.

import { getDepth } from "./api.js";
import { all, byId, say, setText } from "./dom.js";
import { LiveRow } from "./live_row.js";
import { Socket } from "./socket.js";
import { filled, gettext } from "./speech.js";
import { toast } from "./toasts.js";

const rows = all("#markets tbody tr").map((node) => new LiveRow(node));
const socket = new Socket();
const state = (name, text) => {
  byId("connection").dataset.state = name;
  setText(byId("connection-text"), text);
};

byId("refresh").hidden = true;
for (const row of rows) row.hear(socket, true);
socket.onopen = () => {
  state("live", gettext("Live"));
  for (const row of rows) getDepth(row.symbol).then((book) => row.quote(book.bids.at(-1)?.[0] ?? null, book.asks[0]?.[0] ?? null)).catch(() => row.quote(null, null));
};
socket.onwait = (seconds) => state("waiting", filled(gettext("Reconnecting in %(seconds)s s"), { seconds }));
socket.open();

// ------------------------------------------------------------------------------------------------------------ filter
function filter() {
  const wanted = byId("filter").value.trim().toLowerCase();
  let shown = 0;
  for (const { node, symbol } of rows) {
    node.hidden = !`${symbol} ${symbol.replace("_", "/")} ${node.dataset.name}`.toLowerCase().includes(wanted);
    shown += node.hidden ? 0 : 1;
  }
  byId("none").hidden = shown > 0;
}
byId("filter").addEventListener("input", filter);

// ----------------------------------------------------------------------------------------------------------- sorting
const keyOf = (row, name) => row.node.dataset[`key${name[0].toUpperCase()}${name.slice(1)}`] ?? "";

function compared(a, b, name) {
  const left = keyOf(a, name), right = keyOf(b, name);
  if (left === "" || right === "") return (left === "") - (right === "");
  if (name === "market") return left < right ? -1 : 1;
  const difference = BigInt(left) - BigInt(right);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

for (const head of all("#markets th[data-sort]")) {
  head.querySelector("a").addEventListener("click", (event) => {
    event.preventDefault();
    const name = head.dataset.sort, first = name === "market" ? "ascending" : "descending";
    const now = head.getAttribute("aria-sort");
    const next = now === null ? first : now === "ascending" ? "descending" : "ascending";
    for (const other of all("#markets th[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", next);
    const sign = next === "ascending" ? 1 : -1;
    const known = rows.filter((row) => keyOf(row, name) !== "").sort((a, b) => sign * compared(a, b, name));
    const unknown = rows.filter((row) => keyOf(row, name) === "");
    document.querySelector("#markets tbody").append(...[...known, ...unknown].map((row) => row.node));
    say(filled(next === "ascending" ? gettext("Sorted by %(column)s, ascending") : gettext("Sorted by %(column)s, descending"), { column: head.textContent.trim() }));
  });
}

// ------------------------------------------------------------------------------------------------------------- stars
for (const form of all(".star-form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const body = new FormData(form, button);
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.status === 401) {
      location.assign(`/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    if (!answer?.ok) {
      toast(gettext("The favourite was not kept"), gettext("Try again in a moment."), "bad");
      return;
    }
    const { symbol, favourite } = await answer.json();
    button.setAttribute("aria-pressed", String(favourite));
    button.value = favourite ? "0" : "1";
    setText(byId("star-count"), String(all(".star[aria-pressed=true]").length));
    const name = symbol.replace("_", "/");
    say(filled(favourite ? gettext("%(name)s is a favourite") : gettext("%(name)s is no favourite any more"), { name }));
  });
}
