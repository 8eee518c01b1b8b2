// One lamp for each kind of message. It is lit at once when a message arrives, and goes out later.
//
// Nothing flickers, however many lamps there are and whatever arrives: lamps go out together, at
// most once in PERIOD, in FADE. None is lit while others go out. Between these moments the array
// only becomes brighter, so that the brightness of each lamp and of all together changes its
// direction twice in PERIOD: at most three times in any second.

import { clean, forget, rate as shownRate } from "./text.js";

const PERIOD = 1200; // ms between moments at which lamps go out
const FADE = 120; // ms that it takes
const HOLD = 600; // ms for which a lamp is lit at least
const STEADY = 2; // messages a second above which a lamp stays lit
const STILL = 3000; // ms between changes where motion is reduced

export class Lights {
  // choose: called with the kind that was clicked; still: whether motion is reduced;
  // lit: called with the samples whose lamp is lit.
  constructor(list, { choose, still, lit }) {
    Object.assign(this, { list, choose, still, lit });
    this.byName = new Map();
    this.lamps = []; // by the number of the kind
    this.out = 0; // when lamps went out last
    this.waiting = []; // samples that arrived while lamps went out
    this.changed = 0;
    list.addEventListener("keydown", (event) => this.move(event));
  }

  kinds(kinds) {
    this.lamps = kinds.map((kind) => this.byName.get(kind.name) || this.make(kind));
    forget(this.byName, kinds);
    this.list.style.setProperty("--rows", this.byName.size);
  }

  make(kind) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const bulb = document.createElement("span");
    const name = document.createElement("span");
    const number = document.createElement("span");
    bulb.className = "bulb";
    bulb.setAttribute("aria-hidden", "true");
    name.className = "name";
    name.textContent = clean(kind.name);
    number.className = "number";
    number.textContent = "0.0/s";
    button.append(bulb, name, number);
    button.type = "button";
    button.title = `Show only ${clean(kind.name)}`;
    button.tabIndex = this.byName.size ? -1 : 0; // one stop of Tab; arrow keys go on
    button.disabled = !Object.keys(kind.filters).length; // all others
    button.addEventListener("click", () => this.choose(kind));
    item.append(button);
    this.list.append(item);
    const lamp = { item, bulb, number, lit: false, due: false, last: -Infinity, rate: 0, shown: "", level: 0 };
    this.byName.set(kind.name, lamp);
    return lamp;
  }

  // Arrow keys, Home and End go from lamp to lamp.
  move(event) {
    const buttons = [...this.list.querySelectorAll("button:enabled")];
    const here = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const steps = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1 };
    const to = { ...steps, Home: 0, End: last }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    const next = buttons[Math.max(0, Math.min(to, last))];
    buttons[here].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  frame(frame, grown) {
    const now = performance.now();
    grown.forEach((n, i) => {
      if (!n || !this.lamps[i]) return;
      this.lamps[i].last = now;
      this.lamps[i].due = true;
    });
    if (this.still()) this.lit(frame.samples);
    else this.waiting.push(...frame.samples);
  }

  draw(now) {
    if (this.still()) return;
    if (now - this.out < FADE) return;
    const lamps = [...this.byName.values()];
    for (const lamp of lamps) {
      if (!lamp.lit && lamp.due) this.set(lamp, true);
      lamp.due = false;
    }
    if (this.waiting.length) this.lit(this.waiting.splice(0));
    if (now - this.out < PERIOD) return;
    for (const lamp of lamps) {
      if (!lamp.lit || now - lamp.last < HOLD || lamp.rate > STEADY) continue;
      this.set(lamp, false);
      this.out = now;
    }
  }

  set(lamp, lit) {
    lamp.lit = lit;
    lamp.bulb.classList.toggle("lit", lit);
  }

  rates(rates) {
    const now = performance.now();
    const still = this.still();
    const due = still && now - this.changed >= STILL;
    if (due) this.changed = now;
    for (const lamp of this.byName.values()) lamp.rate = 0;
    rates.forEach((n, i) => {
      if (this.lamps[i]) this.lamps[i].rate = n;
    });
    for (const lamp of this.byName.values()) {
      const shown = `${shownRate(lamp.rate)}/s`;
      if (lamp.shown !== shown) lamp.number.textContent = lamp.shown = shown;
      if (due) this.glow(lamp);
      if (!still && lamp.level) lamp.bulb.style.opacity = lamp.level = "";
    }
  }

  // A steady glow, by the rate.
  glow(lamp) {
    const level = [0, 0.1, 0.5, STEADY].filter((least) => lamp.rate > least).length;
    if (!lamp.lit) this.set(lamp, true);
    lamp.bulb.style.opacity = lamp.level = [0.3, 0.45, 0.6, 0.8, 1][level];
  }
}
