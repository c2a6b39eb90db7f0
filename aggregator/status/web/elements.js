"use strict";

// Make elements and fill them; write values for people. Elements are made once for each thing and then only filled, so
// that nothing flickers and a screen reader hears only the verdict.

const $ = (id) => document.getElementById(id);
const ticking = new Map();
let skewMs = 0;
let helps = 0;

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
