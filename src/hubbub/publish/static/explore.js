// The explorer: reads the tables, filters them, and draws columns. Texts are only ever set as text.
// At first it loads the small table of categories; the others when a choice needs them.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const DAY = 86400000;
  const PARTS = 25;
  const form = document.getElementById("choice");
  const field = (name) => form.elements.namedItem(name);
  const facts = form.dataset;
  const texts = JSON.parse(facts.texts);
  const waiting = new Map();

  // A page on a disk may not fetch: the bytes come from a script.
  window.hubbubFile = (name, text) => {
    const raw = atob(text);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    waiting.get(name)(bytes.buffer);
  };

  function fromScript(name) {
    return new Promise((resolve, reject) => {
      waiting.set(name, resolve);
      const script = document.createElement("script");
      const path = `data/${name}.parquet.js`;
      script.src = path;
      script.onerror = () => reject(new Error(say("unreadable", { file: path })));
      document.head.append(script);
    });
  }

  async function fromServer(name) {
    const answer = await fetch(`data/${name}.parquet`);
    if (!answer.ok) throw new Error(`data/${name}.parquet: ${answer.status}`);
    return answer.arrayBuffer();
  }

  async function read(name) {
    const file = await (location.protocol === "file:" ? fromScript(name) : fromServer(name));
    const rows = await hyparquet.parquetReadObjects({ file });
    for (const row of rows) {
      row.day = Math.floor(row.start.getTime() / DAY);
      row.category = row.category ?? null;
      for (const measure of ["messages", "bytes", "people"]) {
        if (measure in row) row[measure] = row[measure] == null ? null : Number(row[measure]);
      }
      if (row.topic !== undefined) row.lower = row.topic.toLowerCase();
    }
    return rows;
  }

  const tables = {};

  function load(name) {
    tables[name] ??= read(name).catch((error) => {
      delete tables[name]; // the next choice tries again
      throw error;
    });
    return tables[name];
  }

  // ---- the language of the page

  const say = (key, values = {}) =>
    texts[key].replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, texts.thousands);
  const date = (day) => {
    const [year, month, of] = iso(day).split("-");
    return say("date", { year, month, day: of });
  };
  const decimal = (value) => String(value).replace(".", texts.decimal);
  const iso = (day) => new Date(day * DAY).toISOString().slice(0, 10);
  const dayOf = (text) => Math.floor(Date.parse(text) / DAY);
  const monday = (day) => day - ((((day + 3) % 7) + 7) % 7);

  function periodOf(day, per) {
    if (per === "day") return day;
    if (per === "week") return monday(day);
    return dayOf(`${iso(day).slice(0, 7)}-01`);
  }

  function following(start, per) {
    if (per === "day") return start + 1;
    if (per === "week") return start + 7;
    const when = new Date(start * DAY);
    return Math.floor(Date.UTC(when.getUTCFullYear(), when.getUTCMonth() + 1, 1) / DAY);
  }

  // ---- the choice, in the form and in the address

  const names = ["from", "to", "measure", "per", "category", "topic"];
  const initial = {};

  function toAddress() {
    const given = new URLSearchParams();
    for (const name of names) {
      const value = field(name).value;
      if (value !== initial[name]) given.set(name, value);
    }
    const hash = given.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function fromAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of names) {
      const one = field(name);
      one.value = given.get(name) ?? initial[name];
      if (one.value === "" && initial[name] !== "") one.value = initial[name];
    }
  }

  // ---- numbers

  function chosen() {
    const counted = facts.people.split(" ");
    if (field("measure").value === "people" && !counted.includes(field("per").value)) {
      field("per").value = counted[0]; // a note says why there are no shorter periods
      toAddress();
    }
    const from = dayOf(field("from").value || facts.first);
    const to = dayOf(field("to").value || facts.last);
    return {
      from: Math.min(from, to), to: Math.max(from, to), per: field("per").value,
      measure: field("measure").value, category: field("category").value,
      topic: field("topic").value.trim().toLowerCase(),
    };
  }

  function inRange(start, choice, length) {
    return following(start, length) > choice.from && start <= choice.to;
  }

  function starts(choice) {
    const found = [];
    let start = periodOf(choice.from, choice.per);
    while (start <= choice.to && found.length < 20000) {
      found.push(start);
      start = following(start, choice.per);
    }
    return found;
  }

  // Whether the table of categories answers: whole periods of it, all topics.
  function isBroad(choice) {
    const { per, from, to } = choice;
    return choice.measure === "messages" && per === facts.shown && !choice.category &&
      !choice.topic && (from <= dayOf(facts.first) || periodOf(from, per) === from) &&
      (to >= dayOf(facts.last) || periodOf(to + 1, per) === to + 1);
  }

  function countTopics(rows, choice, length) {
    const periods = new Map(starts(choice).map((start) => [start, 0]));
    const parts = new Map();
    let sum = 0;
    for (const row of rows) {
      if (!inRange(row.day, choice, length)) continue;
      if (choice.category && row.category !== choice.category) continue;
      if (choice.topic && !row.lower.includes(choice.topic)) continue;
      const value = row[choice.measure];
      const period = periodOf(row.day, choice.per);
      periods.set(period, (periods.get(period) ?? 0) + value);
      const part = choice.category || choice.topic ? row.topic : row.category;
      parts.set(part, (parts.get(part) ?? 0) + value);
      sum += value;
    }
    return { periods: [...periods].sort((a, b) => a[0] - b[0]), parts, sum };
  }

  function countPeople(rows, choice) {
    const wanted = choice.category || null;
    const periods = new Map(starts(choice).map((start) => [start, 0]));
    const parts = new Map();
    for (const row of rows) {
      if (row.per !== choice.per || !inRange(row.day, choice, choice.per)) continue;
      if (row.category === wanted) periods.set(row.day, row.people);
      if (row.category !== null && (!wanted || row.category === wanted)) {
        parts.set(row.category, Math.max(parts.get(row.category) ?? 0, row.people ?? 0));
      }
    }
    return { periods: [...periods].sort((a, b) => a[0] - b[0]), parts, sum: null };
  }

  // ---- pictures and tables

  function make(tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function ticks(most) {
    if (most <= 0) return [0];
    const size = 10 ** Math.floor(Math.log10(most / 4));
    const step = Math.max(1, [1, 2, 5, 10].map((n) => n * size).find((n) => most / n <= 5));
    const found = [];
    for (let value = 0; value <= most; value += step) found.push(value);
    return found;
  }

  function brief(value) {
    for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (value >= size) return say(`unit_${unit}`, { n: decimal(+(value / size).toFixed(1)) });
    }
    return decimal(value);
  }

  function draw(periods, summary) {
    const [width, height, left, right, top, bottom] = [800, 340, 56, 12, 14, 34];
    const most = Math.max(1, ...periods.map(([, value]) => value ?? 0));
    const svg = make("svg", {
      viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": summary,
    });
    const room = width - left - right;
    const y = (value) => top + (height - top - bottom) * (1 - value / most);
    for (const value of ticks(most)) {
      const at = y(value).toFixed(1);
      svg.append(make("path", { class: "guide", d: `M${left} ${at}H${width - right}` }));
      svg.append(make("text", { x: left - 8, y: +at + 4, "text-anchor": "end" }, brief(value)));
    }
    const each = room / Math.max(1, periods.length);
    const gap = each > 4 ? each * 0.15 : 0;
    let columns = "";
    periods.forEach(([, value], i) => {
      if (!value) return;
      const x = left + i * each + gap / 2;
      columns += `M${x.toFixed(2)} ${y(0).toFixed(2)}V${y(value).toFixed(2)}` +
        `h${(each - gap).toFixed(2)}V${y(0).toFixed(2)}z`;
    });
    svg.append(make("path", { class: "column", d: columns || "M0 0" }));
    const every = Math.max(1, Math.ceil(periods.length / 8));
    for (let i = 0; i < periods.length; i += every) {
      const x = Math.max(left + i * each + each / 2, 36);
      if (x > width - 36) break;
      svg.append(make("text", { x: x.toFixed(1), y: height - 12, "text-anchor": "middle" },
        date(periods[i][0])));
    }
    document.getElementById("chart").replaceChildren(svg);
  }

  function fill(table, caption, heads, rows) {
    const line = (cells, tag) => {
      const row = document.createElement("tr");
      cells.forEach((cell, i) => {
        const element = document.createElement(i || tag === "th" ? tag : "th");
        if (tag === "th") element.scope = "col";
        else if (!i) element.scope = "row";
        if (i) element.className = "n";
        element.textContent = cell;
        row.append(element);
      });
      return row;
    };
    const element = document.getElementById(table);
    const title = document.createElement("caption");
    title.textContent = caption;
    const head = document.createElement("thead");
    head.append(line(heads, "th"));
    const body = document.createElement("tbody");
    body.append(...rows.map((cells) => line(cells, "td")));
    element.replaceChildren(title, head, body);
  }

  function summarised(choice, periods, most, sum) {
    const { category, measure, per } = choice;
    const topic = measure === "people" ? "" : choice.topic;
    const where = (category && topic && "_both") || (category && "_category") ||
      (topic && "_topic") || "";
    const values = { category, topic, from: date(choice.from), to: date(choice.to) };
    const few = periods.some(([, value]) => value === null); // people, but not enough to be counted
    if (!most[1] && few) return say(`few_people${where}`, { ...values, least: texts.least });
    if (!most[1]) return say(`nothing${where}`, values);
    values.peak = say(`peak_${per}`, { number: number(most[1]), day: date(most[0]) });
    if (measure === "people") return say(`people_${per}${where}`, values);
    return say(`${measure}${where}`, { ...values, number: number(sum) });
  }

  const share = (part) => say("percent", { n: decimal((100 * part).toFixed(1)) });

  const called = (name) =>
    name === facts.other ? texts.other : name === facts.unnamed ? texts.unnamed : name;

  function show(rows, length, choice) {
    const { measure, per } = choice;
    const people = measure === "people";
    const { periods, parts, sum } = people
      ? countPeople(rows, choice) : countTopics(rows, choice, length);
    const most = periods.reduce((best, one) => ((one[1] ?? 0) > (best[1] ?? 0) ? one : best),
      [0, 0]);
    const summary = summarised(choice, periods, most, sum);
    document.getElementById("summary").textContent = summary;
    draw(periods, summary);
    const unit = texts[`unit_${measure}`];
    const list = [...parts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const of = people || !(choice.category || choice.topic) ? "category" : "topic";
    const counts = { shown: Math.min(PARTS, list.length), all: number(list.length) };
    fill("parts", people ? texts[`most_${per}`] : say(`by_${of}`, counts),
      [texts[of], unit, ...(people ? [] : [texts.share])],
      list.slice(0, PARTS).map(([name, value]) => people
        ? [called(name), value ? number(value) : texts.few]
        : [called(name), number(value), sum ? share(value / sum) : "–"]));
    fill("periods", texts[`each_${per}`], [texts.start, unit],
      periods.map(([start, value]) => [date(start), value === null ? texts.few : number(value)]));
    save(periods, choice);
  }

  let latest = 0;

  async function update() {
    const turn = ++latest;
    const choice = chosen();
    const people = choice.measure === "people";
    field("topic").disabled = people;
    const result = document.getElementById("result");
    result.setAttribute("aria-busy", "true");
    const name = people ? "people" : isBroad(choice) ? "categories" : "topics";
    let rows = [];
    try {
      rows = await load(name);
    } catch (error) {
      if (turn !== latest) return;
      result.hidden = true; // it shows an earlier choice
      result.removeAttribute("aria-busy");
      throw error;
    }
    if (turn !== latest) return; // another choice was made meanwhile
    show(rows, name === "categories" ? facts.shown : facts.per, choice);
    result.hidden = false;
    result.removeAttribute("aria-busy");
    document.getElementById("trouble").hidden = true;
  }

  function save(periods, choice) {
    const link = document.getElementById("save");
    link.onclick = () => {
      const lines = periods.map(([start, value]) => `${iso(start)},${value ?? ""}`);
      const text = [`start,${choice.measure}`, ...lines, ""].join("\r\n");
      if (link.href.startsWith("blob:")) URL.revokeObjectURL(link.href);
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    };
  }

  function options(categories) {
    for (const name of [...new Set(categories.map((row) => row.category))].sort()) {
      if (name !== facts.other) field("category").append(new Option(called(name), name));
    }
    field("from").defaultValue = field("from").min = field("to").min = facts.first;
    field("to").defaultValue = field("to").max = field("from").max = facts.last;
    for (const name of names) initial[name] = field(name).value;
  }

  // The names of topics, once somebody wants to choose one.
  async function topicNames() {
    const list = document.getElementById("topics");
    const topics = await load("topics");
    if (list.options.length) return;
    for (const name of [...new Set(topics.map((row) => row.topic))].sort()) {
      if (name !== facts.other) list.append(new Option(name, name));
    }
  }

  function fail(error) {
    const trouble = document.getElementById("trouble");
    trouble.textContent = say("trouble", { why: error.message });
    trouble.hidden = false;
  }

  async function start() {
    options(await load("categories"));
    form.hidden = false;
    const changed = () => { toAddress(); update().catch(fail); };
    form.addEventListener("input", changed);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(changed));
    field("topic").addEventListener("focus", () => topicNames().catch(fail));
    window.addEventListener("hashchange", () => { fromAddress(); update().catch(fail); });
    fromAddress();
    await update();
  }

  start().catch(fail);
})();
