// Text of messages as it is shown: nothing that hides, or changes the order of what is around it.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu; // control, bidi, zero-width, line breaks
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const clean = (text) => String(text).replace(HIDDEN, "\uFFFD");
export const number = (n) => whole.format(n);
export const rate = (n) => (n < 10 ? n.toFixed(1) : whole.format(n));

// A glob that matches a text and nothing else; names in frames are cut at 80 characters.
export function glob(text) {
  const literal = text.replace(/[*?[]/g, "[$&]");
  return [...text].length < 80 ? literal : `${literal}*`;
}

const MOST = 128; // kinds that are kept, of this stream and of earlier ones

// Forget the kinds of earlier streams, where there are many: a page may be open for months.
export function forget(byName, kinds) {
  if (byName.size <= MOST) return;
  const current = new Set(kinds.map((kind) => kind.name));
  for (const [name, { item }] of byName) {
    if (current.has(name)) continue;
    item.remove();
    byName.delete(name);
  }
}

// A time in ms as the project's clocks show it.
export class Times {
  constructor(zone) {
    this.zone = zone;
    const options = { hourCycle: "h23", hour: "2-digit", minute: "2-digit", timeZone: zone };
    this.minutes = new Intl.DateTimeFormat("en-GB", options);
    this.seconds = new Intl.DateTimeFormat("en-GB", { ...options, second: "2-digit" });
    this.days = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeZone: zone });
  }
  minute(time) {
    return this.minutes.format(time);
  }
  second(time) {
    return this.seconds.format(time);
  }
  full(time) {
    return `${this.days.format(time)} ${this.minute(time)} ${this.zone}`;
  }
}
