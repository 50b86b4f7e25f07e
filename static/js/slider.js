// A native range with marks at the quarters; arrows move 1 %, Page keys 25 %.

import { all } from "./dom.js";
import { t } from "./speech.js";

export class Slider {
  constructor(input, onpick) {
    const track = input.previousElementSibling;
    Object.assign(this, { input, done: track.firstElementChild, stops: all(".stop", track) });
    input.addEventListener("input", () => {
      this.#mark(Number(input.value));
      onpick(Number(input.value));
    });
    input.addEventListener("keydown", (event) => {
      const by = { PageUp: 25, PageDown: -25 }[event.key];
      if (!by) return;
      event.preventDefault();
      input.value = String(Number(input.value) + by);
      input.dispatchEvent(new Event("input"));
    });
  }

  // Follow the fields, unless the slider itself is being moved.
  show(part, words) {
    const value = Math.max(0, Math.min(100, part));
    this.input.setAttribute("aria-valuetext", t`${value} percent` + (words ? `, ${words}` : ""));
    if (document.activeElement === this.input) return;
    this.input.value = String(value);
    this.#mark(value);
  }

  #mark(value) {
    this.done.style.setProperty("--bar", `${value}%`);
    for (const [quarter, stop] of this.stops.entries()) stop.classList.toggle("reached", quarter * 25 <= value && value > 0);
  }
}
