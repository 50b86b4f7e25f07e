// Keeps the admin's first page fresh: asks for the tiles every five seconds while somebody looks. Without it (or when the
// server is away) the page shows what was true when it was loaded, and says when that was.
const EVERY_MS = 5000;
let place = null; // The script stands in the head, so the page is not there yet.

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(place.dataset.live, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok || answer.redirected) throw new Error(`HTTP ${answer.status}`);
    const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const verdict = place.querySelector(".ops-verdict")?.textContent;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    const same = fresh.querySelector(".ops-verdict")?.textContent === verdict;
    const parts = [...fresh.children].filter((part) => !(same && part.matches(".ops-verdict"))); // Said once, not every five seconds.
    if (same) {
      while (place.children.length > 1) place.lastElementChild.remove();
      place.append(...parts);
    } else {
      place.replaceChildren(...parts);
    }
    place.classList.remove("ops-stale");
    if (focused) place.querySelector(`a[href="${CSS.escape(focused)}"], a[href="${focused}"]`)?.focus();
  } catch {
    place.classList.add("ops-stale");
  }
}

document.addEventListener("DOMContentLoaded", () => {
  place = document.querySelector("[data-live]");
  if (place) setInterval(refresh, EVERY_MS);
});
