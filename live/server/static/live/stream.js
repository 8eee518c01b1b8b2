// The stream of frames: opened again after a cut, closed while the tab is hidden.

const STALLED = 5000; // ms without a frame; there is one a second at least
const DEAD = 10000; // ms after which the stream is opened again
const AGAIN = 2000; // ms before it is after a cut
const REFUSED = 5000; // ms before it is, where the server refused it

export class Stream {
  // address: returns the address of the stream; handlers: hello, kinds, frame, state, end.
  constructor(address, handlers) {
    this.address = address;
    this.handlers = handlers;
    this.source = null;
    this.paused = false;
    this.last = 0; // when the last frame came
    document.addEventListener("visibilitychange", () => this.update());
    window.addEventListener("online", () => this.restart());
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", () => this.update());
    setInterval(() => this.watch(), 1000);
  }

  update() {
    const wanted = !this.paused && document.visibilityState === "visible";
    if (wanted && !this.source) this.open(this.address());
    if (!wanted) this.close();
  }

  open(address) {
    this.close();
    this.handlers.state("connecting");
    const source = new EventSource(address);
    this.source = source;
    this.last = performance.now();
    const on = (name, handle) =>
      source.addEventListener(name, (event) => {
        if (source !== this.source) return; // closed meanwhile
        this.last = performance.now();
        handle(event.data && JSON.parse(event.data));
      });
    on("hello", (facts) => {
      this.handlers.hello(facts);
      this.handlers.state("connected");
    });
    on("kinds", (kinds) => this.handlers.kinds(kinds));
    on("message", (frame) => {
      if (this.stalled) this.handlers.state("connected");
      this.stalled = false;
      this.handlers.frame(frame);
    });
    on("end", () => {
      this.close();
      this.handlers.end();
    });
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      const refused = source.readyState === EventSource.CLOSED;
      this.close(); // opened again here, since the address may have changed
      this.handlers.state("lost");
      this.retry = setTimeout(() => this.update(), refused ? REFUSED : AGAIN);
      if (refused) this.ask(address);
    });
  }

  // Ask why: the server refused, or a proxy answered.
  async ask(address) {
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (answer.ok) await answer.body.cancel();
      else this.handlers.state("lost", (await answer.json()).error.message);
    } catch {
      // no connection, or no answer of hubbub's: the state says so already
    }
  }

  // A cut of the network may go unnoticed: then no frames come.
  watch() {
    if (!this.source) return;
    const silent = performance.now() - this.last;
    if (silent > DEAD) this.restart();
    else if (silent > STALLED && !this.stalled) {
      this.stalled = true;
      this.handlers.state("lost");
    }
  }

  close() {
    clearTimeout(this.retry);
    if (this.source) this.source.close();
    this.source = null;
    this.stalled = false;
  }

  restart() {
    this.close();
    this.update();
  }
}
