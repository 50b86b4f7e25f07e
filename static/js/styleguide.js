// The dialog of the style guide opens as dialogs of pages do.

import { byId } from "./dom.js";

const button = byId("guide-open");
button.hidden = false;
button.addEventListener("click", () => byId("guide-dialog").showModal());
