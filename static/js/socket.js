// One WebSocket that comes back by itself. Streams stay wanted over reconnects; listeners hear state changes.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;

export class Socket {
  constructor(path = "/ws") {
    this.url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    this.handlers = new Map();
    this.failures = 0;
    this.onopen = () => {};
    this.onlost = () => {};
    this.onwait = () => {};
  }

  // Call the handler with the data of each frame of the stream, from now until `leave`.
  hear(stream, handler) {
    this.handlers.set(stream, handler);
    this.#send("SUBSCRIBE", [stream]);
  }

  leave(stream) {
    if (this.handlers.delete(stream)) this.#send("UNSUBSCRIBE", [stream]);
  }

  open() {
    clearTimeout(this.timer);
    clearInterval(this.ticker);
    this.ws = new WebSocket(this.url);
    this.ws.onopen = () => {
      this.failures = 0;
      this.#send("SUBSCRIBE", [...this.handlers.keys()]);
      this.onopen();
    };
    this.ws.onmessage = (event) => this.#receive(event.data);
    this.ws.onclose = () => this.#lost();
  }

  get live() {
    return this.ws?.readyState === WebSocket.OPEN;
  }

  // The connection is suspected dead: give it up and start again.
  restart() {
    if (!this.ws) return this.open();
    this.ws.onclose = null;
    this.ws.close();
    this.#lost();
  }

  #send(method, params) {
    if (this.live && params.length) this.ws.send(JSON.stringify({ method, params }));
  }

  #receive(text) {
    const frame = JSON.parse(text);
    if (frame.stream) this.handlers.get(frame.stream)?.(frame.data);
    else if (frame.error) console.warn(`The server refused a stream: ${frame.error.code} ${frame.error.message}`);
  }

  #lost() {
    clearTimeout(this.timer); // A wait that was under way ends here, and with it its countdown.
    clearInterval(this.ticker);
    this.onlost();
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures += 1;
    const at = performance.now() + wait;
    const tell = () => this.onwait(Math.max(1, Math.ceil((at - performance.now()) / 1000)));
    tell();
    this.ticker = setInterval(tell, 500);
    this.timer = setTimeout(() => this.open(), wait);
  }
}
