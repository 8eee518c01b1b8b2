// The figures of the header: state of the connection, rates, delay, and how receiving goes.

import { number, rate } from "./text.js";

const element = (id) => document.getElementById(id);
const ms = (n) => (n === null ? "unknown" : `${number(n)} ms`);
const DAY = 86400000; // ms
const SILENT = 60; // s after which a listener that records nothing is said to be silent

const show = (id, text) => {
  const shown = element(id);
  if (shown && shown.textContent !== text) shown.textContent = text;
};

const duration = (s) => {
  if (s < 120) return `${number(s)} s`;
  return s < 7200 ? `${number(s / 60)} min` : `${number(s / 3600)} h`;
};

const COVERAGE = {
  gap: ({ gaps, missing }) => `${number(gaps)} ${gaps === 1 ? "gap" : "gaps"}, ${duration(missing)}`,
  unproven: () => "heard, not yet proven",
  healed: () => "healed",
  complete: () => "complete",
  unknown: () => "nothing recorded",
};

export class Header {
  constructor(times, delay) {
    this.times = times;
    this.delay = delay;
    this.since = 0;
  }

  state(text) {
    document.body.dataset.state = text;
  }

  say(text) {
    show("state", text);
  }

  hello({ at, since, messages, replay }) {
    this.since = since;
    this.frame({ at, messages });
    for (const name of ["rate-now", "delay", "coverage", "receiving"]) {
      const figure = element(`${name}-figure`);
      if (figure) figure.hidden = Boolean(replay); // they are of the present
    }
  }

  frame({ at, messages, reception }) {
    const since = at - this.since < DAY ? this.times.minute(this.since) : this.times.full(this.since);
    show("total", `${number(messages)} since ${since}`);
    if (reception) this.reception(reception);
  }

  reception(facts) {
    show("coverage", COVERAGE[facts.state](facts));
    const { lag, connected, connections } = facts;
    const silent = lag === null || lag > SILENT;
    const since = lag === null ? "none has run here" : `silent for ${duration(lag)}`;
    const buses = connections ? `, ${connected} of ${connections} connected` : "";
    show("receiving", silent ? since : `${number(lag)} s ago${buses}`);
    const figures = { "coverage-figure": facts.state === "gap" };
    figures["receiving-figure"] = silent || connected < connections;
    for (const [id, warns] of Object.entries(figures)) element(id)?.classList.toggle("warns", warns);
  }

  // Once a second.
  rates(counts) {
    show("rate-now", `${rate(counts.rate(1))}/s`);
    show("rate-10", `${rate(counts.rate(10))}/s`);
    show("rate-60", `${rate(counts.rate(60))}/s`);
    this.delays();
  }

  delays() {
    const facts = this.delay.facts();
    if (this.delay.offset !== null) {
      const { offset, error } = this.delay;
      const side = offset > 0 ? "behind" : "ahead";
      show("clock-offset", `${number(Math.abs(offset))} ms ${side}, give or take ${number(error)} ms`);
    }
    if (!facts) return show("delay", "-");
    show("delay", facts.from === "publishing" ? ms(facts.p95) : `${ms(facts.p95)} from arrival`);
    show("delay-median", facts.from === "publishing" ? ms(facts.median) : `unknown: ${facts.why}`);
    show("delay-inbound", facts.inbound === null ? `unknown: ${facts.why}` : ms(facts.inbound));
    show("delay-onward", ms(facts.onward));
    show("delay-samples", number(facts.samples));
  }
}
