// The status line: whether what you see is true now, and how far away the server is.

import { roundTrip } from "./api.js";
import { grouped } from "./decimal.js";
import { alarm, byId, clockOf, paint, setText } from "./dom.js";
import { t } from "./speech.js";

const PROBE_MS = 10000;
const SLOW_MS = 250;
const STALE_AFTER_MS = 1500;

export class Connection {
  constructor(socket) {
    this.socket = socket;
    this.latency = null;
    this.missed = 0;
    this.bookChecking = true;
    this.lostAt = null;
    socket.onlost = () => this.#lost();
    socket.onwait = (seconds) => (navigator.onLine ? this.#show("waiting", t`Reconnecting in ${seconds} s`) : this.#show("lost", t`Offline`));
    byId("refresh")?.remove();
    setInterval(() => setText(byId("clock"), `${clockOf(Date.now())} UTC`), 1000);
    setInterval(() => this.#probe(), PROBE_MS);
    addEventListener("online", () => {
      socket.failures = 0; // No long wait for a network that is back.
      socket.restart();
    });
    addEventListener("offline", () => {
      this.missed = 1; // One more question without an answer, and the prices are old.
      this.#probe();
    });
    this.#show("checking", t`Connecting`);
  }

  opened() {
    this.lostAt = null;
    clearTimeout(this.staleTimer);
    document.querySelector("main").classList.remove("stale");
    alarm("");
    this.#probe();
    this.#draw();
  }

  checking(on) {
    this.bookChecking = on;
    this.#draw();
  }

  // `proved`: the last update whose checksum agreed. Every update's number is looked at before it counts.
  book(updateId, proved) {
    if (updateId === null) return;
    this.bookAt = { updateId, proved };
    paint((this.drawBook ??= () => this.#drawBook()));
  }

  #drawBook() {
    const { updateId, proved } = this.bookAt;
    setText(byId("book-state"), proved === null ? t`Book at update ${grouped(String(updateId))}` : t`Book verified to update ${grouped(String(proved))}`);
  }

  // A silent socket is not proof of life: ask by REST as well, and start again when nobody answers twice.
  async #probe() {
    if (!this.socket.live) return;
    this.latency = await roundTrip();
    this.missed = this.latency === null ? this.missed + 1 : 0;
    if (this.missed >= 2) {
      this.missed = 0;
      this.socket.restart();
    }
    this.#draw();
  }

  #lost() {
    if (this.lostAt !== null) return;
    this.lostAt = Date.now();
    this.staleTimer = setTimeout(() => {
      document.querySelector("main").classList.add("stale");
      alarm(t`Connection lost. Prices stopped at ${clockOf(this.lostAt)} UTC.`);
    }, STALE_AFTER_MS);
  }

  #draw() {
    if (!this.socket.live) return;
    if (this.bookChecking) this.#show("checking", t`Checking the book`);
    else if (this.latency === null) this.#show("live", t`Live`);
    else if (this.latency > SLOW_MS) this.#show("slow", t`Slow, ${this.latency} ms`);
    else this.#show("live", t`Live, ${this.latency} ms`);
  }

  #show(state, text) {
    byId("connection").dataset.state = state;
    const stopped = this.lostAt === null ? "" : t`. Prices stopped at ${clockOf(this.lostAt)}`;
    setText(byId("connection-text"), text + stopped);
  }
}
