// The live page: one stream, several panels. The address is the state.

import { Alerts } from "./alerts.js";
import { Bars } from "./bars.js";
import { Counts } from "./counts.js";
import { Delay } from "./delay.js";
import { Graph } from "./graph.js";
import { Header } from "./header.js";
import { Latest } from "./latest.js";
import { Lights } from "./lights.js";
import { Replay } from "./replay.js";
import { setUpScreen } from "./screen.js";
import { State } from "./state.js";
import { Stream } from "./stream.js";
import { Times, glob } from "./text.js";

const FASTEST = 3600; // seconds of the past in a second: for a step
const MINUTE = 60000; // ms

const body = document.body;
const root = body.dataset.root || "";
const element = (id) => document.getElementById(id);
const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
const still = () => reduced.matches;
const times = new Times(document.querySelector("[data-zone]").dataset.zone);

const state = new State(element("filters"), () => begin());
const counts = new Counts();
const delay = new Delay(`${root}/live/clock`);
const header = new Header(times, delay);
const panels = [];
let version = null;
let names = false;
let kinds = [];
let ended = false; // a replay is at its end
let stepping = false; // a paused replay goes on for a minute

const panel = (id, make) => {
  const shown = element(id) && make(element(id));
  if (shown) panels.push(shown);
  return shown;
};
const lights = panel("lights-list", (list) => {
  const lit = (samples) => state.replay || delay.lit(samples);
  return new Lights(list, { choose: (kind) => state.filter(kind.filters), still, lit });
});
const bars = panel("bars-list", (list) => new Bars(list, still));
const graph = panel("graph-canvas", (canvas) => new Graph(canvas, still, choose));
const latest = panel("latest", (details) => new Latest(details, times, choose, () => names));
const alerts = panel("alerts-list", (list) => new Alerts(list, times, root));
const replay = panel("scrubber", () => {
  const speed = (text) => {
    remember();
    move({ speed: text });
  };
  const act = { seek, step, speed };
  return new Replay(times, { ...act, reduced: still() });
});

const iso = (time) => new Date(time).toISOString();

// A node of the graph or a cell of the table was chosen.
function choose(type, name) {
  const kind = kinds.find((each) => each.name === name);
  if (type === "kind" && kind) state.filter(kind.filters);
  else if (type === "category") state.filter({ category: glob(name) });
  else if (type === "object") state.filter({ object: glob(name) });
  else if (type === "user" && names) state.filter({ user: glob(name) });
}

const stream = new Stream(() => `${root}/live?${state.query()}`, {
  hello(facts) {
    if (version !== null && version !== facts.version) return location.reload(); // the server is a newer one
    version = facts.version;
    names = facts.names;
    ended = false;
    header.hello(facts);
    counts.window = facts.replay ? Math.max(60, state.speed) : 60;
    if (!stepping) {
      counts.begin(facts);
      showWindow();
    }
    if (!facts.replay) delay.ask();
    else if (replay) replay.hello(facts);
  },
  kinds(pairs) {
    kinds = pairs.map(([name, filters]) => ({ name, filters }));
    counts.kinds = kinds.map((kind) => kind.name);
    body.classList.toggle("silent", !kinds.length);
    for (const each of panels) if (each.kinds) each.kinds(kinds);
  },
  frame(frame) {
    const grown = counts.add(frame);
    header.frame(frame);
    if (lights) lights.frame(frame, grown);
    for (const each of [alerts, graph, latest, replay]) if (each) each.frame(frame, counts.kinds);
  },
  state(text, why) {
    header.state(text);
    if (text === "lost") remember(); // a replay goes on from here
    const words = { connecting: "connecting …", connected: "live", lost: "no connection, trying again" };
    if (text === "connected" && state.replay) words.connected = "replay";
    header.say(why ? `refused: ${why}` : words[text]);
  },
  end() {
    if (!state.replay) {
      header.state("lost");
      header.say("the stream ended, trying again");
      setTimeout(() => stream.update(), 3000);
    } else if (stepping) {
      stepping = false;
      pause(true);
    } else {
      ended = true;
      stream.paused = true;
      header.say(counts.last.some((n) => n) ? "the end of the day" : "no messages on this day");
    }
  },
});

// Begin a stream: after a change of the filters, or of the time of a replay.
function begin() {
  for (const each of panels) if (each.reset) each.reset();
  delay.reset();
  if (ended) stream.paused = ended = false;
  stream.restart();
}

function move(changes) {
  state.set(changes);
  begin();
}

function seek(time) {
  counts.at = time; // also before the new stream begins
  if (stream.paused && !ended) state.set({ at: iso(time) });
  else move({ at: iso(time) });
}

// Go a minute back, or forward with all its messages; the replay is paused then.
function step(minutes) {
  const at = counts.at || replay.start;
  if (!stream.paused) pause(true);
  if (minutes < 0) {
    const time = Math.max(replay.start, at + minutes * MINUTE);
    state.set({ at: iso(time) });
    counts.at = time;
    return replay.show(time);
  }
  stepping = true;
  ended = false;
  counts.last = null;
  const query = state.query({ at: iso(at), stop: iso(at + minutes * MINUTE), speed: FASTEST });
  stream.open(`${root}/live?${query}`);
}

// Keep the place of a replay in the address.
function remember() {
  if (state.replay && counts.at) state.set({ at: iso(counts.at) });
}

function pause(paused) {
  stream.paused = paused;
  body.dataset.paused = paused;
  const button = element("pause");
  if (button) {
    button.textContent = paused ? "Go on" : "Pause";
    button.setAttribute("aria-pressed", paused);
  }
  if (paused) remember();
  if (paused) header.say("paused");
  stream.update();
}

function showWindow() {
  const label = element("bars-window");
  const minutes = Math.round(counts.window / 60);
  const full = counts.window === 60 ? "60 seconds" : `${minutes} minutes`;
  if (label) label.textContent = `of the last ${full}`;
}

function everySecond() {
  if (!counts.last) return;
  if (lights) lights.rates(counts.rates());
  header.rates(counts);
  if (latest) latest.table();
  if (replay) replay.table();
}

let shown = null; // counts that the bars show
function everyFrame(now) {
  if (!stream.paused || stepping) {
    if (lights) lights.draw(now);
    if (bars) {
      if (shown !== counts.last) bars.show(counts.sum());
      shown = counts.last;
      bars.draw();
    }
    if (graph) graph.draw(now);
  }
  requestAnimationFrame(everyFrame);
}

function keys(event) {
  if (event.target.closest("input,select,button,summary,a") || event.ctrlKey || event.metaKey) return;
  if (event.key === " " && element("pause")) pause(!stream.paused);
  else if (event.key === "." && replay) step(1);
  else if (event.key === "," && replay) step(-1);
  else return;
  event.preventDefault();
}

element("pause")?.addEventListener("click", () => pause(!stream.paused));
if (element("speed")) element("speed").value = String(state.speed);
document.addEventListener("keydown", keys);
body.classList.add("silent");
setUpScreen(state);
setInterval(everySecond, 1000);
requestAnimationFrame(everyFrame);
stream.update();
