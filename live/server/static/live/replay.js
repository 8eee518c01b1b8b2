// Controls of a replay: scrubber, speed, steps; and its minutes as a table.

import { clean, number } from "./text.js";

const element = (id) => document.getElementById(id);
const MINUTE = 60000;
const PAGE = 60; // minutes of PageUp and PageDown
const SETTLE = 250; // ms without a key after which the replay goes where the scrubber is
const ROWS = 1440;

export class Replay {
  // seek: called with the time, ms, at which to go on; step: with minutes to go; speed: with a text.
  constructor(times, { seek, step, speed, reduced }) {
    this.times = times;
    this.start = Number(element("clock").dataset.start);
    this.scrubber = element("scrubber");
    this.minutes = new Map();
    this.at = this.start;
    this.dragging = false;
    this.seek = seek;
    this.scrubber.addEventListener("input", () => this.drag());
    this.scrubber.addEventListener("keydown", (event) => this.page(event));
    element("back").addEventListener("click", () => step(-1));
    element("forward").addEventListener("click", () => step(1));
    element("speed").addEventListener("change", (event) => speed(event.target.value));
    element("minutes-details").open = reduced;
    element("minutes-details").addEventListener("toggle", () => this.table());
  }

  page(event) {
    const minutes = { PageUp: PAGE, PageDown: -PAGE }[event.key];
    if (!minutes) return;
    event.preventDefault();
    this.scrubber.value = Number(this.scrubber.value) + minutes;
    this.drag();
  }

  drag() {
    this.dragging = true;
    const time = this.start + Number(this.scrubber.value) * MINUTE;
    this.say(time);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.dragging = false;
      this.seek(time);
    }, SETTLE);
  }

  say(time) {
    element("clock").textContent = this.times.full(time);
    this.scrubber.setAttribute("aria-valuetext", this.times.minute(time));
  }

  hello({ replay, at }) {
    this.start = replay.start;
    this.scrubber.max = Math.floor((replay.end - replay.start) / MINUTE);
    this.show(at);
  }

  show(at) {
    this.at = at;
    if (this.dragging) return;
    this.say(at);
    this.scrubber.value = Math.floor((at - this.start) / MINUTE);
  }

  frame({ at, minutes }, kinds) {
    this.show(at);
    for (const [minute, messages, kind] of minutes || []) {
      this.minutes.set(minute, { messages, kind: kinds[kind] || "" });
    }
  }

  // The minutes that were shown, the latest first.
  table() {
    if (!element("minutes-details").open) return;
    const rows = [...this.minutes].sort(([a], [b]) => b - a).slice(0, ROWS);
    element("minutes-rows").replaceChildren(
      ...rows.map(([minute, { messages, kind }]) => {
        const row = document.createElement("tr");
        for (const text of [this.times.minute(minute * MINUTE), number(messages), clean(kind)]) {
          row.insertCell().textContent = text;
        }
        row.cells[1].className = "n";
        return row;
      }),
    );
  }
}
