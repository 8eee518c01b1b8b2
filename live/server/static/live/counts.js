// Counts of the last minute, or of a longer window in a replay, from the cumulative ones of frames.

const SECONDS = 60;

export class Counts {
  constructor() {
    this.kinds = [];
    this.window = SECONDS; // s
    this.reset();
  }

  reset() {
    this.last = null; // counts of the latest frame
    this.at = 0; // ms: time of the latest frame
    this.since = 0; // ms: from which on messages are counted
    this.seconds = []; // {second, counts, total}, oldest first
    this.sums = []; // of all in `seconds`, by kind
  }

  // Where the counts of a stream stand: counts so far, and those of each of the last seconds.
  begin({ at, since, counts, recent }) {
    this.reset();
    this.at = at;
    this.since = since;
    this.last = counts;
    for (const [second, numbers] of recent) {
      for (const [kind, n] of Object.entries(numbers)) this.count(Number(second), Number(kind), n);
    }
  }

  // Add a frame; returns by how much each kind has grown since the frame before.
  add(frame) {
    const before = this.last || [];
    const grown = frame.counts.map((n, i) => n - (before[i] || 0));
    this.last = frame.counts;
    this.at = frame.at;
    const second = Math.floor(frame.at / 1000);
    grown.forEach((n, i) => {
      if (n) this.count(second, i, n);
    });
    this.forget(second);
    return grown;
  }

  count(second, kind, n) {
    let bucket = this.seconds[this.seconds.length - 1];
    if (!bucket || bucket.second !== second) {
      bucket = { second, counts: [], total: 0 };
      this.seconds.push(bucket);
    }
    bucket.counts[kind] = (bucket.counts[kind] || 0) + n;
    bucket.total += n;
    this.sums[kind] = (this.sums[kind] || 0) + n;
  }

  forget(second) {
    while (this.seconds.length && this.seconds[0].second <= second - this.window) {
      this.seconds.shift().counts.forEach((n, i) => {
        if (n) this.sums[i] -= n;
      });
    }
  }

  // Messages of each kind within the window.
  sum() {
    return this.kinds.map((_, i) => this.sums[i] || 0);
  }

  // Seconds of the window that were watched.
  watched() {
    return Math.max(1, Math.min(this.window, (this.at - this.since) / 1000));
  }

  // Messages of each kind per second, over the last sixth of the window.
  rates() {
    const length = Math.max(1, Math.min(this.window / 6, this.watched()));
    const since = Math.floor(this.at / 1000) - length;
    const sums = this.kinds.map(() => 0);
    for (const { second, counts } of this.seconds) {
      if (second <= since) continue;
      counts.forEach((n, i) => {
        if (n) sums[i] += n;
      });
    }
    return sums.map((n) => n / length);
  }

  // Messages per second over the last full seconds.
  rate(seconds) {
    const end = Math.floor(this.at / 1000);
    const length = Math.max(1, Math.min(seconds, Math.floor((this.at - this.since) / 1000)));
    let sum = 0;
    for (const { second, total } of this.seconds) {
      if (second < end && second >= end - length) sum += total;
    }
    return sum / length;
  }
}
