// Alerts that are on, and the last changes; changes are read out politely, once each.

import { clean, number } from "./text.js";

const MARKS = { raised: "▲", ended: "▽" };
const SHOWN = 6; // rows, unless more alerts are on

export class Alerts {
  constructor(list, times, root) {
    Object.assign(this, { list, times, root });
    this.said = document.getElementById("alerts-said");
    this.now = document.getElementById("alerts-now");
    this.all = document.getElementById("alerts-all");
    if (this.all) this.all.href = `${root}/alerts`;
    this.reset();
  }

  reset() {
    this.key = null; // what is shown
    this.newest = null; // number of the latest change that was read out
  }

  frame({ alerts }) {
    if (!alerts) return;
    const { open, more, changes } = alerts;
    this.recorded = alerts.recorded !== false; // in a replay they are not
    this.speak(changes);
    const on = new Set(open.map((change) => change.number));
    const over = new Set(); // rule and subject of what has ended
    const others = changes.filter((change) => {
      const key = JSON.stringify([change.rule, change.subject]);
      if (change.state === "ended") over.add(key);
      else if (over.delete(key) || on.has(change.number)) return false; // its end is a row already
      return true;
    });
    const rows = [...[...open].reverse(), ...others.slice(0, Math.max(0, SHOWN - open.length))];
    const key = JSON.stringify([rows.map((change) => change.number), open.length, more]);
    if (key === this.key) return;
    this.key = key;
    const count = open.length + more;
    this.now.textContent = count ? `${number(count)} on` : "none is on";
    document.getElementById("alerts-panel").classList.toggle("warns", count > 0);
    const focused = this.list.contains(document.activeElement) && document.activeElement.href;
    this.list.replaceChildren(...rows.map((change) => this.row(change, on.has(change.number))));
    if (focused) [...this.list.querySelectorAll("a")].find((link) => link.href === focused)?.focus();
  }

  row(change, on) {
    const row = document.createElement("li");
    row.className = on ? "on" : "off";
    const link = document.createElement(this.recorded ? "a" : "b");
    if (this.recorded) link.href = `${this.root}/alerts/${change.number}`;
    const about = document.createElement("bdi");
    about.textContent = this.title(change);
    link.append(about);
    const since = document.createElement("span");
    since.className = "when";
    since.textContent = `${on ? "since" : change.state} ${this.times.minute(change.time)}`;
    const what = document.createElement("span");
    what.className = "what";
    what.textContent = clean(change.text);
    row.append(link, since, what);
    return row;
  }

  title({ state, rule, subject }) {
    return clean(`${MARKS[state] || ""} ${rule}${subject ? `: ${subject}` : ""}`);
  }

  speak(changes) {
    const newest = changes.reduce((most, change) => Math.max(most, change.number), 0);
    if (this.newest !== null) {
      const fresh = changes.filter((change) => change.number > this.newest).reverse();
      if (fresh.length) {
        const words = fresh.map((change) => `Alert ${change.state}: ${this.title(change).slice(2)}`);
        this.said.textContent = `${words.slice(-3).join(". ")}.`;
      }
    }
    this.newest = Math.max(newest, this.newest || 0);
  }
}
