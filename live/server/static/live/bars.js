// A bar for each kind of message: those of the last minute, in a fixed order.

import { clean, forget, number } from "./text.js";

const EASE = 0.2; // part of the way to its length that a bar goes in a picture

export class Bars {
  constructor(list, still) {
    this.list = list;
    this.still = still;
    this.byName = new Map();
    this.rows = [];
    this.largest = 1;
  }

  kinds(kinds) {
    this.rows = kinds.map(({ name }) => this.byName.get(name) || this.make(name));
    forget(this.byName, kinds);
    this.list.style.setProperty("--rows", this.byName.size);
  }

  make(kind) {
    const [item, name, track, bar, count] = ["li", "span", "span", "span", "span"].map((tag) =>
      document.createElement(tag),
    );
    name.className = "name";
    name.textContent = name.title = clean(kind);
    track.className = "track";
    bar.className = "bar";
    count.className = "number";
    count.textContent = "0";
    track.append(bar);
    item.append(name, track, count);
    this.list.append(item);
    const row = { item, bar, count, messages: 0, shown: 0, length: 0, drawn: 0 };
    this.byName.set(kind, row);
    return row;
  }

  show(sums) {
    this.largest = Math.max(1, ...sums);
    for (const row of this.byName.values()) row.messages = 0;
    sums.forEach((n, i) => {
      if (this.rows[i]) this.rows[i].messages = n;
    });
    for (const row of this.byName.values()) {
      if (row.shown !== row.messages) row.count.textContent = number((row.shown = row.messages));
    }
  }

  draw() {
    const still = this.still();
    for (const row of this.byName.values()) {
      const wanted = row.messages / this.largest;
      row.length += (wanted - row.length) * (still ? 1 : EASE);
      const drawn = Math.round(row.length * 1000) / 1000;
      if (drawn !== row.drawn) row.bar.style.transform = `scaleX(${(row.drawn = drawn)})`;
    }
  }
}
