"use strict";

// The page holds no state of its own: each `status` and `trends` message replaces what is shown. Elements are made once
// for each thing and then only filled, so that nothing flickers and a screen reader hears only the verdict.

const $ = (id) => document.getElementById(id);
const STREAM = "/api/v1/stream?topics=status,trends";
const SILENCE_MS = 8000;
const AGAIN_MS = 3000;
const FIGURES_S = 86400;
const FEEDS_S = 3600;
const PARTS_SHOWN = 5;
const UNDECODED_COUNTED = 1000;
const LEVELS = { well: "well", note: "note", attention: "attention", trouble: "trouble" };
let skewMs = 0;
let last = null;
let refusal = null;
let heardAt = Date.now();
let trends = { feeds: new Map(), figures: new Map() };
let helps = 0;
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

// `write` shows one point, or all is as before when it gets null; `words` gives a value as text.
function curve(box, name, points, words, write) {
  if (!points || points.times.length < 2) {
    if (!box.querySelector(".none")) box.append(make("span", "none", "A curve appears as values come in."));
    return;
  }
  box.querySelector(".none")?.remove();
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", told(name, points, words));
  const data = [points.times, points.values];
  const kept = charts.get(box);
  if (kept) {
    kept.write = write;
    kept.plot.setData(data);
    return;
  }
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
  charts.set(box, { plot, write });
  plot.root.setAttribute("aria-hidden", "true");
}

// A curve in words.
function told(name, { times, values }, words) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${name} since ${clockTime(times[0])}: from ${words(values[0])} to ${words(values.at(-1))}, between ${words(low)} and ${words(high)}.`;
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
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

// What time some curves really cover: all of what they could, or since when.
function since(curves, windowS, whole) {
  const first = Math.min(...[...curves].filter((one) => one.times.length > 1).map((one) => one.times[0]));
  if (!Number.isFinite(first)) return "";
  return now() / 1000 - first > windowS * 0.97 ? whole : `since ${clockTime(first)}`;
}

// A title that explains itself when its button is pressed, by mouse, finger or key.
function helped() {
  const made = { head: make("div", "title"), title: make("h3"), button: make("button", "help", "?"), text: make("p", "about-it") };
  made.text.id = `help-${++helps}`;
  made.text.hidden = true;
  made.button.type = "button";
  made.button.setAttribute("aria-expanded", "false");
  made.button.setAttribute("aria-controls", made.text.id);
  made.button.addEventListener("click", () => {
    made.text.hidden = !made.text.hidden;
    made.button.setAttribute("aria-expanded", String(!made.text.hidden));
  });
  made.head.append(made.title, made.button);
  return made;
}

function explain(made, one) {
  put(made.title, one.title);
  made.button.setAttribute("aria-label", `What is ${one.title}?`);
  put(made.text, one.help);
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
  const entry = { root, ...helped(), big: make("p", "big"), sub: make("p", "sub") };
  root.append(entry.head, entry.text, entry.big, entry.sub);
  entry.box = isSplit(one) ? null : make("div", "curve");
  entry.parts = isSplit(one) ? make("ul", "parts") : null;
  root.append(entry.box ?? entry.parts);
  return entry;
}

function fillFigure(entry, one) {
  explain(entry, one);
  const points = trends.figures.get(one.gauge);
  const rest = () => { put(entry.big, figureText(one, one.value)); change(entry.sub, one, points); };
  curve(entry.box, one.title, points, (value) => figureText(one, value), (at) => {
    if (at === null) return rest();
    put(entry.big, figureText(one, at.value));
    ticking.delete(entry.sub);
    put(entry.sub, `at ${clockTime(at.time)}`);
  });
  if (!entry.box.matches(":hover")) rest();
}

// A figure of several parts shows how they share it.
function fillSplit(entry, one) {
  explain(entry, one);
  put(entry.big, figureText(one, one.value));
  entry.sub.hidden = true;
  const sorted = [...one.parts].sort((a, b) => Number(b.value) - Number(a.value));
  const fits = sorted.length <= PARTS_SHOWN;
  const parts = fits ? sorted : sorted.slice(0, PARTS_SHOWN - 1);
  const rest = sorted.slice(parts.length);
  if (!fits) parts.push({ rest: rest.length, value: rest.reduce((sum, part) => sum + Number(part.value), 0) });
  const most = Math.max(...parts.map((part) => Number(part.value)), 1e-9);
  const chains = new Set(sorted.map((part) => part.labels.chain));
  sync(entry.parts, parts, (part) => (part.rest ? " rest" : Object.values(part.labels).join(" ")), () => {
    const root = make("li");
    const made = { root, name: make("span"), value: make("span"), bar: make("i") };
    made.bar.setAttribute("aria-hidden", "true");
    root.append(made.bar, made.name, made.value);
    return made;
  }, (made, part) => {
    const shown = Object.entries(part.labels ?? {}).filter(([name]) => name !== "chain" || chains.size > 1);
    const name = shown.map(([label, value]) => (label === "chain" ? value : `${label} ${value}`)).join(", ");
    put(made.name, part.rest ? `${part.rest} more` : name);
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
    const made = { root, ...helped(), big: make("p", "big") };
    root.append(made.head, made.text, made.big);
    return made;
  }, (made, one) => {
    explain(made, one);
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
    const how = delta === 0 ? "unchanged" : `${sign} ${figure.unit === "usd" ? "$" : ""}${short}${share}`;
    const own = since([points], FIGURES_S, "");
    text = `${how}${own && own !== since(trends.figures.values(), FIGURES_S, "") ? ` ${own}` : ""} · `;
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
    for (const name of ["Events/s", "Blocks/s", "Blocks behind", "Reorgs, 24 h", "Undecoded"]) {
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
    put(entry.facts["Reorgs, 24 h"], whole(one.reorgs));
    put(entry.facts.Undecoded, whole(one.undecoded) + (one.undecoded >= UNDECODED_COUNTED ? "+" : ""));
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
    curve(entry.box, one.feed, points, price, (at) => {
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
  const before = new Map(); // what is wrong with one thing stands in one place, also while its text counts on
  const rows = concerns.map((one) => {
    const number = (before.get(one.about) ?? 0) + 1;
    before.set(one.about, number);
    return { ...one, key: `${number} ${one.about}` };
  });
  sync($("concerns"), rows, (one) => one.key, () => {
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

const COLOURS = { well: "%2310693a", attention: "%238a4b00", trouble: "%23b3161b", unknown: "%23596273" };
const SIGNS = { well: "✓", attention: "!", trouble: "✕", unknown: "?" };

// One verdict everywhere: on the page, in the title of its tab and in the tab's icon.
function say(verdict, sentence) {
  document.body.dataset.verdict = verdict;
  put($("sentence"), sentence);
  document.title = `${SIGNS[verdict]} usdx: ${sentence}`;
  const icon = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='8' fill='${COLOURS[verdict]}'/><path d='M9 8v9a7 7 0 0 0 14 0V8' fill='none' stroke='white' stroke-width='4' stroke-linecap='round'/></svg>`;
  if ($("icon").getAttribute("href") !== icon) $("icon").setAttribute("href", icon);
}

function showVerdict(status) {
  say(status.verdict, status.sentence);
  const count = (items, word) => `${items.length} ${word}${items.length === 1 ? "" : "s"}`;
  put($("summary"), [
    count(status.chains, "chain"), count(status.feeds, "feed"), `${status.workers.filter((one) => one.up).length} of ${count(status.workers, "worker")} up`,
    status.alerts_total === 1 ? "1 active alert" : `${status.alerts_total} active alerts`,
  ].join(" · "));
}

function show() {
  const status = last;
  showVerdict(status);
  put($("figures-since"), since(trends.figures.values(), FIGURES_S, "last 24 hours"));
  put($("feeds-since"), since(trends.feeds.values(), FEEDS_S, "last hour"));
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
  const source = new EventSource(STREAM);
  source.addEventListener("status", (message) => {
    last = JSON.parse(message.data);
    skewMs = Date.parse(last.at) - Date.now();
    heardAt = Date.now();
    refusal = null;
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
    if (source.readyState === EventSource.CLOSED) refused();
  });
}

// The stream does not open, and an EventSource does not say why: ask the same as a plain request.
async function refused() {
  const asking = new AbortController();
  try {
    const answer = await fetch(STREAM, { signal: asking.signal, cache: "no-store" });
    refusal = answer.ok ? null : await reason(answer);
  } catch {
    refusal = null;
  }
  asking.abort();
  if (refusal) silent();
  if (!refusal?.final) setTimeout(listen, AGAIN_MS);
}

async function reason(answer) {
  const problem = await answer.json().catch(() => ({}));
  if (answer.status !== 401) return { sentence: "The aggregator refuses to say.", text: `It answers ${answer.status}: ${problem.detail ?? answer.statusText}.` };
  const bearer = (answer.headers.get("WWW-Authenticate") ?? "").startsWith("Bearer");
  return {
    final: true,
    sentence: "This page may not see the figures.",
    text: bearer
      ? "The API wants a bearer token, which a browser cannot send. Set kind = \"basic\" in [aggregator.api_auth], or let a proxy add the token."
      : "The API wants a user and a password. Load the page anew to be asked for them again.",
  };
}

function silent() {
  const text = duration((Date.now() - heardAt) / 1000);
  live("lost", refusal ? "refused" : `no word for ${text}`);
  say("unknown", refusal?.sentence ?? "The aggregator is silent.");
  const was = last ? ` What you see was true at ${new Date(heardAt).toLocaleTimeString()}.` : "";
  put($("summary"), `${refusal?.text ?? "The aggregator does not answer."}${was}`);
}

setInterval(() => {
  for (const tick of ticking.values()) tick();
  if (refusal || Date.now() - heardAt > SILENCE_MS) silent();
}, 1000);
listen();
