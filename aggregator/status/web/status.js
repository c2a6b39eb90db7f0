"use strict";

// The page holds no state of its own: each `status` and `trends` message replaces what is shown. Elements are made once
// for each thing and then only filled, so that nothing flickers and a screen reader hears only the verdict.

const $ = (id) => document.getElementById(id);
const SILENCE_MS = 8000;
const LEVELS = { well: "well", note: "note", attention: "attention", trouble: "trouble" };
let skewMs = 0;
let last = null;
let heardAt = 0;
let trends = { feeds: new Map(), figures: new Map() };
const charts = new Map();
const ticking = new Map();

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element, level) {
  if (element.dataset.level !== level) element.dataset.level = level;
}

// Keep one child of `parent` for each item, in their order.
function sync(parent, items, keyOf, build, fill) {
  const known = parent.known ?? (parent.known = new Map());
  const wanted = new Set();
  let place = null;
  for (const item of items) {
    const key = keyOf(item);
    wanted.add(key);
    let entry = known.get(key);
    if (!entry) {
      entry = build(item);
      known.set(key, entry);
    }
    const next = place ? place.nextSibling : parent.firstChild;
    if (next !== entry.root) parent.insertBefore(entry.root, next);
    place = entry.root;
    fill(entry, item);
  }
  for (const [key, entry] of known) {
    if (!wanted.has(key)) {
      for (const element of ticking.keys()) if (entry.root.contains(element)) ticking.delete(element);
      entry.root.remove();
      known.delete(key);
    }
  }
}

const now = () => Date.now() + skewMs;
const ageS = (time) => Math.max(0, (now() - Date.parse(time)) / 1000);

function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

// Show how old something is, and let it grow every second.
function age(element, time, write) {
  if (time === null) {
    ticking.delete(element);
    put(element, "–");
    return;
  }
  const show = () => put(element, write(duration(ageS(time))));
  ticking.set(element, show);
  show();
}

function number(text, digits) {
  return Number(text).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function usd(text) {
  const value = Number(text);
  return `$${number(value, Math.abs(value) < 1e6 ? 2 : 0)}`;
}

function price(text) {
  const value = Math.abs(Number(text));
  return number(text, value >= 1000 ? 2 : value >= 10 ? 3 : 5);
}

function rate(value) {
  if (value === null) return "–";
  return value >= 100 ? number(value, 0) : value >= 10 ? number(value, 1) : number(value, 2);
}

const whole = (value) => (value === null ? "–" : Number(value).toLocaleString("en"));

// --- curves -----------------------------------------------------------------------------------------------------

function curve(box, name, points, write) {
  if (!points || points.times.length < 2) {
    if (!box.querySelector(".none")) box.append(make("span", "none", "A curve appears as values come in."));
    return;
  }
  box.querySelector(".none")?.remove();
  const style = getComputedStyle(document.documentElement);
  const data = [points.times, points.values];
  const kept = charts.get(box);
  if (kept) {
    kept.write = write;
    kept.plot.setData(data);
    return;
  }
  const readout = make("span", "hidden");
  box.append(readout);
  const plot = new uPlot({
    width: Math.max(60, box.clientWidth),
    height: box.clientHeight,
    padding: [4, 4, 4, 4],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, low, high) => spread(low, high) } },
    axes: [{ show: false }, { show: false }],
    series: [{}, {
      stroke: () => getComputedStyle(document.documentElement).getPropertyValue("--accent").trim(),
      fill: () => getComputedStyle(document.documentElement).getPropertyValue("--fill").trim(),
      width: 1.75,
      points: { show: false },
    }],
    hooks: {
      setCursor: [(u) => {
        const entry = charts.get(box);
        const at = u.cursor.idx;
        if (entry) entry.write(at === null || u.cursor.left < 0 ? null : { time: u.data[0][at], value: u.data[1][at] });
      }],
    },
  }, data, box);
  charts.set(box, { plot, write, readout });
  plot.root.setAttribute("aria-hidden", "true");
}

function spread(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.02 || 1;
  return [low - room, high + room];
}

new ResizeObserver((entries) => {
  for (const [box, { plot }] of charts) {
    if (box.isConnected && box.clientWidth) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    if (!box.isConnected) { plot.destroy(); charts.delete(box); }
  }
}).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { plot } of charts.values()) plot.redraw();
});

function clockTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// --- sections ---------------------------------------------------------------------------------------------------

function figureText(figure, value) {
  if (value === null) return "–";
  return figure.unit === "usd" ? usd(value) : number(value, Number.isInteger(Number(value)) ? 0 : 2);
}

function showFigures(figures) {
  const moments = figures.filter((one) => one.unit === "seconds");
  const cards = figures.filter((one) => one.unit !== "seconds").sort((a, b) => isSplit(a) - isSplit(b));
  if (moments.length) cards.push({ gauge: " moments", moments });
  sync($("figures"), cards, (one) => `${one.gauge} ${isSplit(one)}`, (one) => (one.moments ? momentsEntry() : figureEntry(one)), (entry, one) => {
    if (one.moments) fillMoments(entry, one.moments);
    else if (isSplit(one)) fillSplit(entry, one);
    else fillFigure(entry, one);
    if (one.error) fillError(entry, one);
    mark(entry.root, one.error ? "attention" : "well");
  });
}

const isSplit = (figure) => Number((figure.parts?.length ?? 0) > 1);

function figureEntry(one) {
  const root = make("article", "card");
  const entry = { root, title: make("h3"), big: make("p", "big"), sub: make("p", "sub") };
  root.append(entry.title, entry.big, entry.sub);
  entry.box = isSplit(one) ? null : make("div", "curve");
  entry.parts = isSplit(one) ? make("ul", "parts") : null;
  root.append(entry.box ?? entry.parts);
  return entry;
}

function fillFigure(entry, one) {
  put(entry.title, one.title);
  entry.title.title = one.help;
  const points = trends.figures.get(one.gauge);
  const rest = () => { put(entry.big, figureText(one, one.value)); change(entry.sub, one, points); };
  curve(entry.box, one.title, points, (at) => {
    if (at === null) return rest();
    put(entry.big, figureText(one, at.value));
    ticking.delete(entry.sub);
    put(entry.sub, `at ${clockTime(at.time)}`);
  });
  if (!entry.box.matches(":hover")) rest();
}

// A figure of several parts shows how they share it.
function fillSplit(entry, one) {
  put(entry.title, one.title);
  entry.title.title = one.help;
  put(entry.big, figureText(one, one.value));
  entry.sub.hidden = true;
  const parts = [...one.parts].sort((a, b) => Number(b.value) - Number(a.value));
  const most = Math.max(...parts.map((part) => Number(part.value)), 1e-9);
  const chains = new Set(parts.map((part) => part.labels.chain));
  sync(entry.parts, parts.slice(0, 5), (part) => Object.values(part.labels).join(" "), () => {
    const root = make("li");
    const made = { root, name: make("span"), value: make("span"), bar: make("i") };
    made.bar.setAttribute("aria-hidden", "true");
    root.append(made.bar, made.name, made.value);
    return made;
  }, (made, part) => {
    const shown = Object.entries(part.labels).filter(([name]) => name !== "chain" || chains.size > 1);
    put(made.name, shown.map(([name, value]) => (name === "chain" ? value : `${name} ${value}`)).join(", "));
    put(made.value, figureText(one, part.value));
    made.bar.style.width = `${Math.max(0, Number(part.value) / most) * 100}%`;
  });
}

function momentsEntry() {
  const root = make("article", "card moments");
  return { root, list: root };
}

function fillMoments(entry, moments) {
  sync(entry.list, moments, (one) => one.gauge, () => {
    const root = make("div");
    const made = { root, title: make("h3"), big: make("p", "big") };
    root.append(made.title, made.big);
    return made;
  }, (made, one) => {
    put(made.title, one.title);
    made.title.title = one.help;
    if (one.error) { ticking.delete(made.big); put(made.big, "its query fails"); return; }
    age(made.big, one.value === null ? null : new Date(Number(one.value) * 1000).toISOString(), (text) => `${text} ago`);
  });
}

function fillError(entry, one) {
  ticking.delete(entry.sub);
  entry.sub.hidden = false;
  const when = one.read_at === null ? "" : `; last read ${duration(ageS(one.read_at))} ago`;
  entry.sub.replaceChildren(make("span", "warn", `Its query fails${when}.`));
}

function change(element, figure, points) {
  const read = () => (figure.read_at === null ? "not read yet" : `read ${duration(ageS(figure.read_at))} ago`);
  let text = "";
  if (points && points.values.length > 1 && figure.value !== null) {
    const first = points.values[0];
    const delta = Number(figure.value) - first;
    const sign = delta > 0 ? "▲" : delta < 0 ? "▼" : "";
    const short = Math.abs(delta).toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
    const percent = first ? Math.abs(delta / first) * 100 : Infinity;
    const share = percent < 1000 ? ` (${number(percent, 1)} %)` : "";
    text = delta === 0 ? "unchanged · " : `${sign} ${figure.unit === "usd" ? "$" : ""}${short}${share} · `;
  }
  ticking.set(element, () => put(element, text + read()));
  put(element, text + read());
}

const PHASES = {
  "following": ["well", "following"], "catching up": ["note", "catching up"], "behind": ["attention", "behind"],
  "halted": ["trouble", "halted"], "unknown": ["attention", "nothing yet"],
};

function showChains(chains) {
  sync($("chains"), chains, (one) => one.chain, () => {
    const root = make("article", "card");
    const head = make("div", "head");
    const entry = {
      root, name: make("h3"), pill: make("span", "pill"), big: make("p", "big"), meter: make("div", "meter"), bar: make("span"),
      lag: make("p", "meter-text"), facts: {},
    };
    head.append(entry.name, entry.pill);
    entry.meter.append(entry.bar);
    entry.meter.setAttribute("aria-hidden", "true");
    const list = make("dl");
    for (const name of ["Events/s", "Blocks/s", "Blocks behind", "Reorgs", "Undecoded"]) {
      const box = make("div");
      entry.facts[name] = make("dd");
      box.append(make("dt", "", name), entry.facts[name]);
      list.append(box);
    }
    root.append(head, entry.big, entry.meter, entry.lag, list);
    return entry;
  }, (entry, one) => {
    const [level, word] = PHASES[one.phase];
    put(entry.name, one.chain);
    put(entry.pill, word);
    mark(entry.pill, level);
    mark(entry.root, level);
    put(entry.big, one.block === null ? "–" : `Block ${whole(one.block)}`);
    const show = () => {
      if (one.phase === "catching up" && one.progress !== null) {
        entry.bar.style.width = `${Math.min(100, one.progress * 100)}%`;
        mark(entry.meter, "note");
        put(entry.lag, `${number(one.progress * 100, 1)} % of the history${one.eta_s ? `, done in about ${duration(one.eta_s)}` : ""}`);
        return;
      }
      if (one.block_time === null) { entry.bar.style.width = "0"; put(entry.lag, "no block stored"); return; }
      const lag = ageS(one.block_time);
      const part = lag / one.lag_threshold_s;
      entry.bar.style.width = `${Math.min(100, part * 100)}%`;
      mark(entry.meter, part <= 1 ? "well" : part <= 6 ? "attention" : "trouble");
      put(entry.lag, `${duration(lag)} behind; up to ${duration(one.lag_threshold_s)} is fine`);
    };
    ticking.set(entry.lag, show);
    show();
    put(entry.facts["Events/s"], rate(one.events_per_s));
    put(entry.facts["Blocks/s"], rate(one.blocks_per_s));
    put(entry.facts["Blocks behind"], one.head === null || one.block === null ? "–" : whole(Math.max(0, one.head - one.block)));
    put(entry.facts.Reorgs, whole(one.reorgs));
    put(entry.facts.Undecoded, whole(one.undecoded));
  });
}

function feedLevel(one) {
  if (one.result === null || one.result === "refused" || ageS(one.observed_at) > one.heartbeat_s) {
    return one.required ? "trouble" : "attention";
  }
  return one.result === "cached" ? "attention" : "well";
}

function showFeeds(feeds) {
  sync($("feeds"), feeds, (one) => one.feed, () => {
    const root = make("article", "card");
    const head = make("div", "head");
    const entry = { root, name: make("h3"), pill: make("span", "pill"), big: make("p", "big"), sub: make("p", "sub"), box: make("div", "curve") };
    head.append(entry.name, entry.pill);
    root.append(head, entry.big, entry.sub, entry.box);
    return entry;
  }, (entry, one) => {
    put(entry.name, one.feed);
    const level = feedLevel(one);
    const words = { fresh: "fresh", cached: "earlier price", refused: "no price" };
    put(entry.pill, one.result === null ? "never" : level !== "well" && one.result === "fresh" ? "silent" : words[one.result]);
    mark(entry.pill, level);
    mark(entry.root, level);
    const points = trends.feeds.get(one.feed);
    const rest = () => {
      put(entry.big, one.price === null ? "–" : price(one.price));
      if (one.observed_at === null) { put(entry.sub, "no observation yet"); return; }
      const facts = [];
      if (one.result !== "fresh" && one.reason) facts.push(one.reason.replaceAll("_", " "));
      if (one.spread_bps !== null) facts.push(`spread ${number(one.spread_bps, 1)} bps`);
      if (one.sources_used !== null) facts.push(`${one.sources_used} of ${one.sources_used + one.sources_dropped} sources`);
      age(entry.sub, one.observed_at, (text) => [`${text} ago`, ...facts].join(" · "));
    };
    curve(entry.box, one.feed, points, (at) => {
      if (at === null) return rest();
      put(entry.big, price(at.value));
      ticking.delete(entry.sub);
      put(entry.sub, `at ${clockTime(at.time)}`);
    });
    if (!entry.box.matches(":hover")) rest();
  });
}

function rowEntry() {
  const root = make("li");
  const row = make("div", "row");
  const entry = { root, name: make("span", "name"), pill: make("span", "pill"), text: make("p") };
  row.append(entry.name, entry.pill);
  root.append(row, entry.text);
  return entry;
}

function showList(parent, items, keyOf, fill, nothing) {
  const rows = items.length ? items : [null];
  sync(parent, rows, (one) => (one === null ? "" : keyOf(one)), (one) => {
    if (one !== null) return rowEntry();
    return { root: make("li", "empty", nothing) };
  }, (entry, one) => { if (one !== null) fill(entry, one); });
}

const SEVERITIES = { critical: "trouble", warning: "attention", info: "note", none: "note" };

function showAlerts(alerts, total) {
  put($("alerts-title"), total > alerts.length ? `Active alerts (${alerts.length} of ${total})` : "Active alerts");
  showList($("alerts"), alerts, (one) => one.fingerprint + one.starts_at, (entry, one) => {
    put(entry.name, one.alertname);
    put(entry.pill, one.severity);
    mark(entry.pill, SEVERITIES[one.severity] ?? "note");
    const known = one.acknowledged_by === null ? "nobody acknowledged it" : `acknowledged by ${one.acknowledged_by}`;
    age(entry.text, one.starts_at, (text) => [one.summary, `for ${text}`, known].filter(Boolean).join(" · "));
  }, "None.");
}

function showWorkers(workers) {
  showList($("workers"), workers, (one) => `${one.service} ${one.instance}`, (entry, one) => {
    put(entry.name, one.service);
    put(entry.pill, one.up ? "up" : "down");
    mark(entry.pill, one.up ? "well" : "trouble");
    put(entry.text, one.up ? `${one.instance} · answered in ${number(one.fetch_s * 1000, 0)} ms` : `${one.instance} · ${one.detail}`);
  }, "No workers are configured.");
}

function showIncidents(incidents) {
  showList($("incidents"), incidents, (one) => one.kind + one.about + one.at, (entry, one) => {
    put(entry.name, one.about);
    put(entry.pill, one.kind);
    mark(entry.pill, one.kind === "reorg" ? "note" : "attention");
    age(entry.text, one.at, (text) => `${text} ago · ${one.text}`);
  }, "None in the last day.");
}

function showConcerns(concerns) {
  $("concerns-section").hidden = concerns.length === 0;
  sync($("concerns"), concerns, (one) => `${one.level} ${one.about} ${one.text.replace(/\d+/g, "")}`, () => {
    const root = make("li");
    const entry = { root, pill: make("span", "pill"), about: make("span", "about"), text: make("span", "text") };
    root.append(entry.pill, entry.about, entry.text);
    return entry;
  }, (entry, one) => {
    put(entry.pill, one.level);
    mark(entry.pill, LEVELS[one.level]);
    put(entry.about, one.about);
    put(entry.text, one.text);
  });
}

const COLOURS = { well: "%2310693a", attention: "%238a4b00", trouble: "%23b3161b" };
const SIGNS = { well: "✓", attention: "!", trouble: "✕" };

function showVerdict(status) {
  document.body.dataset.verdict = status.verdict;
  put($("sentence"), status.sentence);
  const count = (items, word) => `${items.length} ${word}${items.length === 1 ? "" : "s"}`;
  put($("summary"), [
    count(status.chains, "chain"), count(status.feeds, "feed"), `${status.workers.filter((one) => one.up).length} of ${count(status.workers, "worker")} up`,
    status.alerts_total === 1 ? "1 active alert" : `${status.alerts_total} active alerts`,
  ].join(" · "));
  document.title = `${SIGNS[status.verdict]} usdx: ${status.sentence}`;
  const icon = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='8' fill='${COLOURS[status.verdict]}'/><path d='M9 8v9a7 7 0 0 0 14 0V8' fill='none' stroke='white' stroke-width='4' stroke-linecap='round'/></svg>`;
  if ($("icon").getAttribute("href") !== icon) $("icon").setAttribute("href", icon);
}

function show() {
  const status = last;
  showVerdict(status);
  showConcerns(status.concerns);
  showFigures(status.figures);
  showChains(status.chains);
  showFeeds(status.feeds);
  showAlerts(status.alerts, status.alerts_total);
  showWorkers(status.workers);
  showIncidents(status.incidents);
  put($("version"), `usdx ${status.version}.`);
  document.body.dataset.shown = "yes";
}

// --- the stream -------------------------------------------------------------------------------------------------

function live(state, text) {
  $("live").dataset.state = state;
  put($("live-text"), text);
  document.body.toggleAttribute("data-stale", state === "lost");
}

function listen() {
  const source = new EventSource("/api/v1/stream?topics=status,trends");
  source.addEventListener("status", (message) => {
    last = JSON.parse(message.data);
    skewMs = Date.parse(last.at) - Date.now();
    heardAt = Date.now();
    live("on", "live");
    show();
  });
  source.addEventListener("trends", (message) => {
    const found = JSON.parse(message.data);
    const byName = (curves) => new Map(curves.map((one) => [one.name, one]));
    trends = { feeds: byName(found.feeds), figures: byName(found.figures) };
    if (last) show();
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

setInterval(() => {
  for (const tick of ticking.values()) tick();
  if (heardAt && Date.now() - heardAt > SILENCE_MS) {
    live("lost", `no word for ${duration((Date.now() - heardAt) / 1000)}`);
    document.body.dataset.verdict = "unknown";
    put($("sentence"), "The aggregator is silent.");
    if (last) put($("summary"), `The aggregator does not answer. What you see was true at ${new Date(heardAt).toLocaleTimeString()}.`);
  }
}, 1000);
listen();
