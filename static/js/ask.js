// A question that has to be answered before something is done.

import { byId, setText, styled } from "./dom.js";

// Ask first. True when the reader goes on; Escape and the focused button are the safe choice. `other` {label, run} is a
// third way, which does not go on either.
export async function confirmed(title, text, yes, no, other = null) {
  await styled("dialog");
  const dialog = byId("ask");
  setText(byId("ask-title"), title);
  setText(byId("ask-text"), text);
  setText(byId("ask-yes"), yes);
  setText(byId("ask-no"), no);
  setText(byId("ask-other"), other?.label ?? "");
  byId("ask-other").hidden = !other;
  const opener = document.activeElement;
  dialog.returnValue = "no";
  dialog.showModal();
  byId("ask-no").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      opener?.focus?.();
      if (dialog.returnValue === "other") other.run();
      resolve(dialog.returnValue === "yes");
    }, { once: true });
  });
}
