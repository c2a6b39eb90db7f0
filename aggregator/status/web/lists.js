"use strict";

// The lists: what is wrong, alerts, workers, incidents.

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
    mark(entry.pill, one.level);
    put(entry.about, one.about);
    put(entry.text, one.text);
  });
}
