// A button at a password field that shows what was typed.

import { all } from "./dom.js";
import { gettext } from "./speech.js";

for (const input of all("input[type=password][data-show]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link show-password";
  button.textContent = gettext("Show");
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    button.textContent = hidden ? gettext("Hide") : gettext("Show");
    button.setAttribute("aria-pressed", String(hidden));
  });
  input.after(button);
}
