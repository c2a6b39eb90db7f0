"use strict";

// The page holds no state of its own: each `status` and `trends` message replaces what is shown.

const STREAM = "/api/v1/stream?topics=status,trends";
const SILENCE_MS = 8000;
const AGAIN_MS = 3000;
let last = null;
let refusal = null;
let heardAt = Date.now();
let trends = { feeds: new Map(), figures: new Map() };

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
