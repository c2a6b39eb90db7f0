"use strict";

// The cards: business figures, chains, prices.

const FIGURES_S = 86400;
const FEEDS_S = 3600;
const PARTS_SHOWN = 5;
const UNDECODED_COUNTED = 1000;

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
