// A native range with marks at the quarters; arrows move 1 %, Page keys 25 %.

import { el } from "./dom.js";
import { t } from "./speech.js";

const STOPS = [0, 25, 50, 75, 100];

export class Slider {
  constructor(slot, onpick) {
    this.input = el("input", { type: "range", min: "0", max: "100", step: "1", value: "0", "aria-label": t`Part of what is available` });
    this.done = el("i", { class: "done" });
    this.stops = STOPS.map((at) => {
      const stop = el("i", { class: "stop" });
      stop.style.setProperty("--at", `${at}%`);
      return stop;
    });
    const scale = el("div", { class: "scale", "aria-hidden": "true" }, ...STOPS.map((at) => el("span", {}, at === 100 ? "100 %" : String(at))));
    slot.append(el("div", { class: "slider" }, el("div", { class: "track" }, this.done, ...this.stops), this.input, scale));
    this.input.addEventListener("input", () => {
      this.#mark(Number(this.input.value));
      onpick(Number(this.input.value));
    });
    this.input.addEventListener("keydown", (event) => {
      const by = { PageUp: 25, PageDown: -25 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.input.value = String(Number(this.input.value) + by);
      this.input.dispatchEvent(new Event("input"));
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
    this.done.style.setProperty("--at", `${value}%`);
    for (const [index, stop] of this.stops.entries()) stop.classList.toggle("reached", STOPS[index] <= value && value > 0);
  }
}
