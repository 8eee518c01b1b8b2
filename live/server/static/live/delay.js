// The time from publishing to the lamp, with the clocks of three machines.
//
// The page asks the server for its time and knows the difference to its own clock within half of
// that request's duration. A publisher's clock can only be judged by what it says: messages that
// seem to arrive before they were published, or long after, are left out, and some publishers give
// whole seconds. Then the delay is that from arrival at the listener, and the page says so.

const KEPT = 400; // messages
const LATE = 60000; // ms after which a message is an old one that arrived late
const AHEAD = 5; // ms by which a message may seem to arrive before it was published
const LEAST = 10; // messages of which percentiles are shown
const ASKED = 3; // requests of which the fastest counts
const AGAIN = 300000; // ms

const percentile = (values, p) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];
};

export class Delay {
  constructor(address) {
    this.address = address; // of the server's clock
    this.offset = null; // ms to add to this device's clock
    this.error = null; // ms: how wrong that may be
    this.asked = -Infinity;
    this.reset();
  }

  reset() {
    this.messages = []; // {inbound, onward, whole}
  }

  async ask() {
    if (performance.now() - this.asked < AGAIN) return;
    this.asked = performance.now();
    let best = null;
    for (let i = 0; i < ASKED; i++) {
      const sent = performance.now();
      try {
        const answer = await fetch(this.address, { cache: "no-store" });
        const { at } = await answer.json();
        const length = performance.now() - sent;
        if (!best || length < best.length) best = { length, at, read: Date.now() };
      } catch {
        this.asked = -Infinity; // no connection: again with the next stream
        return;
      }
    }
    this.offset = best.at + best.length / 2 - best.read;
    this.error = best.length / 2;
  }

  // Samples whose lamps are lit now.
  lit(samples) {
    if (this.offset === null) return;
    const now = Date.now() + this.offset;
    for (const [, published, arrived] of samples) {
      if (arrived - published > LATE) continue;
      this.messages.push({
        inbound: arrived - published,
        onward: Math.max(0, now - arrived),
        whole: published % 1000 === 0,
      });
    }
    if (this.messages.length > KEPT) this.messages.splice(0, this.messages.length - KEPT);
  }

  // What is known: `from` is publishing, or arrival where publishers' clocks do not tell.
  facts() {
    const all = this.messages;
    if (all.length < LEAST) return null;
    const fine = all.filter((each) => !each.whole && each.inbound >= -AHEAD);
    const enough = fine.length >= LEAST && fine.length >= all.length / 2;
    const whole = all.filter((each) => each.whole).length;
    const ahead = all.filter((each) => !each.whole && each.inbound < -AHEAD).length;
    const total = (enough ? fine : all).map((e) => e.onward + (enough ? Math.max(0, e.inbound) : 0));
    return {
      from: enough ? "publishing" : "arrival",
      why: enough ? "" : whole > ahead ? "publishers give whole seconds" : "publishers' clocks are ahead",
      p95: percentile(total, 0.95),
      median: percentile(total, 0.5),
      inbound: enough ? percentile(fine.map((e) => Math.max(0, e.inbound)), 0.95) : null,
      onward: percentile(all.map((e) => e.onward), 0.95),
      samples: total.length,
    };
  }
}
