// The page of one order: its JSON to the clipboard. Everything else is there without script.

import { byId, el, say } from "./dom.js";
import { t } from "./speech.js";
import { toast } from "./toasts.js";

const button = el("button", { type: "button", class: "button bare" }, t`Copy as JSON`);
button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(byId("order-json").textContent);
    say(t`Copied.`);
    toast(t`Copied as JSON`, "", "good");
  } catch (error) {
    toast(t`Not copied`, t`This browser keeps the clipboard closed. The text is under \u201cAs JSON\u201d.`, "bad");
    document.querySelector(".order-json").open = true;
  }
});
byId("copy-slot").append(button);
