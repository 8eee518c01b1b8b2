// The last events as a table: what the graph shows, for keyboard and screen reader.

import { clean } from "./text.js";

const ROWS = 20;

export class Latest {
  // choose: called with type and name; names: whether people are named.
  constructor(details, times, choose, names) {
    Object.assign(this, { details, times, choose, names });
    this.body = details.querySelector("tbody");
    this.reset();
    details.addEventListener("toggle", () => this.table());
  }

  reset() {
    this.events = [];
    this.changed = true;
  }

  frame({ samples }, kinds) {
    for (const [kind, time, , user, objects] of samples) {
      this.events.unshift({ time, kind: kinds[kind], user, objects });
    }
    this.events.length = Math.min(this.events.length, ROWS);
    this.changed = this.changed || samples.length > 0;
  }

  // Not while the focus is in it: it would be lost.
  table() {
    if (!this.details.open || !this.changed || this.body.contains(document.activeElement)) return;
    this.changed = false;
    this.body.replaceChildren(...this.events.map((event) => this.row(event)));
  }

  row({ time, kind, user, objects }) {
    const row = document.createElement("tr");
    row.insertCell().textContent = this.times.second(time);
    row.insertCell().append(this.link("kind", kind || ""));
    row.insertCell().append(user && this.names() ? this.link("user", user) : clean(user || ""));
    const cell = row.insertCell();
    for (const object of objects) cell.append(this.link("object", object), " ");
    return row;
  }

  link(type, name) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chosen";
    button.textContent = clean(name);
    button.title = `Show only ${clean(name)}`;
    button.addEventListener("click", () => this.choose(type, name));
    return button;
  }
}
