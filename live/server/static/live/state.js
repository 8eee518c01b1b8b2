// The state of the page, which is its address: filters, and the place in a replay.

import { clean } from "./text.js";

const FILTERS = ["topic", "category", "user", "object", "action"];
const PLACE = ["replay", "speed", "at"];
const SPEED = 60;

export class State {
  // list: where the filters are shown, or null; changed: called after a filter has changed.
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
    this.values = new URLSearchParams(location.search);
    window.addEventListener("popstate", () => {
      const replay = this.replay;
      this.values = new URLSearchParams(location.search);
      if (replay !== this.replay) return location.reload();
      this.show();
      this.changed();
    });
    this.show();
  }

  get replay() {
    return this.values.get("replay");
  }

  get speed() {
    return Number(this.values.get("speed")) || SPEED;
  }

  has(name) {
    return this.values.has(name);
  }

  // Parameters of the stream.
  query(changes = {}) {
    const query = new URLSearchParams();
    for (const name of FILTERS) for (const value of this.values.getAll(name)) query.append(name, value);
    if (!this.replay) return query;
    for (const name of PLACE) if (this.has(name)) query.set(name, this.values.get(name));
    for (const [name, value] of Object.entries(changes)) query.set(name, value);
    return query;
  }

  // Change what is no filter: the address changes, but not what "back" leads to.
  set(changes) {
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) this.values.delete(name);
      else this.values.set(name, value);
    }
    history.replaceState(null, "", this.address());
  }

  address() {
    const text = this.values.toString();
    return text ? `?${text}` : location.pathname;
  }

  filter(filters) {
    for (const [name, value] of Object.entries(filters)) this.values.set(name, value);
    this.push();
  }

  remove(name, value) {
    const rest = this.values.getAll(name).filter((each) => each !== value);
    this.values.delete(name);
    for (const each of rest) this.values.append(name, each);
    this.push();
  }

  push() {
    history.pushState(null, "", this.address());
    this.show();
    this.changed();
  }

  show() {
    if (!this.list) return;
    const focused = this.list.contains(document.activeElement);
    this.list.replaceChildren();
    for (const name of FILTERS) {
      for (const value of this.values.getAll(name)) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `${name}: ${clean(value)} ×`;
        button.setAttribute("aria-label", `Remove the filter ${name} ${clean(value)}`);
        button.addEventListener("click", () => this.remove(name, value));
        this.list.append(button);
      }
    }
    if (focused) (this.list.firstChild || document.getElementById("content")).focus();
  }
}
