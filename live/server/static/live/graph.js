// Who touches what: people, kinds of messages and objects, drawn on a canvas.

import { clean } from "./text.js";

const MAX_NODES = 400;
const IDLE = 60000; // ms after which a node disappears
const FRESH = 2500; // ms for which a line shows what just happened
const NAMED = 4000; // ms for which a person's name is shown
const TICK = 1000 / 30; // ms between steps of the layout
const STILL_TICK = 3000; // ms between pictures where motion is reduced
const SHADES = 6; // of age: lines and nodes of one shade are one path
const GRAVITY = 0.05;
const MARGIN = 26; // px around the graph
const REACH = 14; // px from a node within which it is meant
const SIZE = { category: 5, kind: 3.5, object: 2.6, user: 3.4 };
const CHARGE = { category: -260, kind: -120, object: -16, user: -24 };
const LENGTH = { category: 46, kind: 20, user: 44 }; // of a line, by the node it comes from
const STRENGTH = { category: 0.5, kind: 0.7, user: 0.06 };

export class Graph {
  // choose: called with type and name of the node that was clicked.
  constructor(canvas, still, choose) {
    this.canvas = canvas;
    this.still = still;
    this.context = canvas.getContext("2d");
    this.last = 0;
    this.scale = 1;
    this.force = d3
      .forceSimulation([])
      .force("charge", d3.forceManyBody().strength((n) => CHARGE[n.type]).distanceMax(260))
      .force(
        "link",
        d3
          .forceLink([])
          .id((n) => n.id)
          .distance((l) => LENGTH[l.source.type])
          .strength((l) => STRENGTH[l.source.type]),
      )
      .force("x", d3.forceX())
      .force("y", d3.forceY())
      .alphaDecay(0)
      .stop();
    this.reset();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
    canvas.addEventListener("mousemove", (event) => this.point(event));
    canvas.addEventListener("mouseleave", () => (this.pointed = null));
    canvas.addEventListener("click", () => this.pointed && choose(this.pointed.type, this.pointed.name));
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", () => this.colour());
    this.colour();
  }

  reset() {
    this.nodes = new Map();
    this.links = new Map();
    this.pointed = null;
    this.changed = true;
  }

  colour() {
    const style = getComputedStyle(this.canvas);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = { category: of("text"), kind: of("text"), object: of("object"), user: of("user") };
    this.quiet = of("quiet");
    this.back = of("panel");
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.width = box.width;
    this.height = box.height;
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
    this.ratio = ratio;
    const wide = box.width / Math.max(1, box.height); // the graph gets the shape of the canvas
    this.force.force("x").strength(GRAVITY * Math.min(1, 1 / wide));
    this.force.force("y").strength(GRAVITY * Math.min(1, wide));
    this.last = 0; // a new size empties the canvas
  }

  frame(frame, kinds) {
    const now = performance.now();
    for (const [kind, , , user, objects] of frame.samples) {
      const name = kinds[kind];
      if (!name) continue;
      const category = name.split(".")[0];
      const centre = this.touch(`c:${category}`, category, "category", null, now);
      const inner = this.touch(`k:${name}`, name, "kind", centre, now);
      this.join(`c:${category}`, `k:${name}`, now);
      for (const object of objects) {
        this.touch(`o:${object}`, object, "object", inner, now);
        this.join(`k:${name}`, `o:${object}`, now);
      }
      if (user) {
        this.touch(`u:${user}`, user, "user", inner, now);
        this.join(`u:${user}`, objects.length ? `o:${objects[0]}` : `k:${name}`, now);
      }
    }
    if (frame.samples.length) this.prune(now);
  }

  // A node appears beside the one that it belongs to.
  touch(id, name, type, near, now) {
    let node = this.nodes.get(id);
    if (node) node.seen = now;
    else {
      const angle = Math.random() * 2 * Math.PI;
      const far = near ? 20 : 60 + Math.random() * 100;
      const x = (near ? near.x : 0) + far * Math.cos(angle);
      const y = (near ? near.y : 0) + far * Math.sin(angle);
      node = { id, name, text: clean(name), type, seen: now, x, y };
      this.nodes.set(id, node);
      this.changed = true;
    }
    return node;
  }

  join(source, target, now) {
    const id = `${source}\n${target}`;
    const known = this.links.get(id);
    if (known) known.seen = now;
    else {
      this.links.set(id, { source, target, seen: now });
      this.changed = true;
    }
  }

  prune(now) {
    let excess = this.nodes.size - MAX_NODES;
    const ordered = excess > 0 ? [...this.nodes.values()].sort((a, b) => a.seen - b.seen) : this.nodes.values();
    for (const node of ordered) {
      if (excess-- > 0 || now - node.seen > IDLE) {
        this.nodes.delete(node.id);
        this.changed = true;
      }
    }
    for (const [id, link] of this.links) {
      const source = link.source.id || link.source;
      const target = link.target.id || link.target;
      if (!this.nodes.has(source) || !this.nodes.has(target) || now - link.seen > IDLE) {
        this.links.delete(id);
        this.changed = true;
      }
    }
  }

  draw(now) {
    if (now - this.last < (this.still() ? STILL_TICK : TICK) - 1) return;
    this.last = now;
    if (this.changed) {
      this.force.nodes([...this.nodes.values()]);
      this.force.force("link").links([...this.links.values()]);
      this.canvas.dataset.nodes = this.nodes.size;
      this.changed = false;
    }
    this.force.alpha(this.still() ? 0.5 : 0.2).tick(this.still() ? 60 : 1);
    this.fit();
    this.paint(now);
  }

  // Zoom so that all nodes are within the canvas; smoothly.
  fit() {
    let [x, y] = [1, 1];
    for (const node of this.nodes.values()) {
      x = Math.max(x, Math.abs(node.x));
      y = Math.max(y, Math.abs(node.y));
    }
    const wanted = Math.min(2, (this.width / 2 - MARGIN) / x, (this.height / 2 - MARGIN) / y);
    this.scale += (Math.max(0.1, wanted) - this.scale) * (this.still() ? 1 : 0.05);
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left - this.width / 2) / this.scale;
    const y = (event.clientY - box.top - this.height / 2) / this.scale;
    let nearest = REACH / this.scale;
    this.pointed = null;
    for (const node of this.nodes.values()) {
      const far = Math.hypot(node.x - x, node.y - y);
      if (far < nearest) [nearest, this.pointed] = [far, node];
    }
    this.canvas.classList.toggle("pointing", this.pointed !== null);
  }

  paint(now) {
    const { context, scale } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.translate(this.width / 2, this.height / 2);
    this.paintLinks(context, now, scale);
    this.paintNodes(context, now, scale);
    context.globalAlpha = 1;
    this.label(context, now, scale);
    context.globalAlpha = 1;
  }

  paintLinks(context, now, scale) {
    const shades = Array.from({ length: SHADES + 1 }, () => []);
    for (const link of this.links.values()) {
      const age = Math.max(0, now - link.seen) / FRESH;
      if (link.source.id) shades[age < 1 ? Math.max(1, Math.ceil((1 - age) * SHADES)) : 0].push(link);
    }
    context.lineWidth = 1;
    shades.forEach((links, shade) => {
      context.globalAlpha = shade ? 0.12 + (0.6 * shade) / SHADES : 0.22;
      context.strokeStyle = shade ? this.colours.user : this.quiet;
      context.beginPath();
      for (const { source, target } of links) {
        context.moveTo(source.x * scale, source.y * scale);
        context.lineTo(target.x * scale, target.y * scale);
      }
      context.stroke();
    });
  }

  paintNodes(context, now, scale) {
    const groups = new Map();
    for (const node of this.nodes.values()) {
      const age = Math.max(0, now - node.seen) / IDLE;
      const shade = Math.max(0, Math.ceil((1 - age) * SHADES));
      const key = `${node.type} ${shade}`;
      if (!groups.has(key)) groups.set(key, { type: node.type, shade, nodes: [] });
      groups.get(key).nodes.push(node);
    }
    for (const { type, shade, nodes } of groups.values()) {
      context.globalAlpha = 0.3 + (0.7 * shade) / SHADES;
      context.fillStyle = this.colours[type];
      context.beginPath();
      for (const { x, y } of nodes) {
        context.moveTo(x * scale + SIZE[type], y * scale);
        context.arc(x * scale, y * scale, SIZE[type], 0, 2 * Math.PI);
      }
      context.fill();
    }
  }

  // Names of categories, then of kinds, then of people who just did something; none over another.
  label(context, now, scale) {
    context.font = "11px sans-serif";
    context.textAlign = "center";
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = this.back;
    const taken = [];
    const write = (node, text) => {
      const [x, y] = [node.x * scale, node.y * scale];
      const half = 3.1 * text.length;
      const box = [x - half, y - 20, x + half, y - 5];
      if (taken.some((t) => box[0] < t[2] && t[0] < box[2] && box[1] < t[3] && t[1] < box[3])) return;
      taken.push(box);
      const inside = this.width / 2 - half;
      const shown = Math.max(-inside, Math.min(inside, x));
      context.strokeText(text, shown, y - 8);
      context.fillText(text, shown, y - 8);
    };
    context.fillStyle = this.colours.kind;
    if (this.pointed) write(this.pointed, this.pointed.text);
    for (const type of ["category", "kind", "user"]) {
      if (type === "user") context.fillStyle = this.quiet;
      for (const node of this.nodes.values()) {
        if (node.type !== type || (type === "user" && now - node.seen > NAMED)) continue;
        const text = type === "kind" ? node.text.split(".").slice(1).join(".") : node.text;
        if (text) write(node, text.slice(0, 24));
      }
    }
  }
}
