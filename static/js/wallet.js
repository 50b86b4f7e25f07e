// Copies an address, and keeps what is under way fresh without a reload.

import { all } from "./dom.js";
import { gettext } from "./speech.js";

const EVERY_MS = 3000;

for (const button of all("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = gettext("Copied");
    setTimeout(() => { button.textContent = gettext("Copy"); }, 1500);
  });
}

function livePart(root) {
  return root.querySelector("[data-live]");
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = livePart(new DOMParser().parseFromString(await answer.text(), "text/html"));
  const shown = livePart(document);
  if (fresh && shown && fresh.innerHTML !== shown.innerHTML && !shown.contains(document.activeElement)) shown.replaceChildren(...fresh.childNodes);
}

// A lost connection is no reason to stop asking: the next look may work.
if (livePart(document)) setInterval(() => refresh().catch(() => undefined), EVERY_MS);
