// Asks in a dialog before what cannot be taken back. Without script the same form leads to a page that asks.

import { all, el } from "./dom.js";
import { confirmed } from "./ask.js";

for (const form of all("form[data-ask]")) {
  form.addEventListener("submit", async (event) => {
    if (form.method === "post") return; // Asked already.
    event.preventDefault();
    const { ask, text, yes, no } = form.dataset;
    if (!(await confirmed(ask, text, yes, no))) return;
    form.append(el("input", { type: "hidden", name: "csrfmiddlewaretoken", value: document.querySelector("meta[name=csrf-token]").content }));
    form.method = "post";
    form.submit();
  });
}
