/* The page around the models, and the stream that brings it all. */

const QUIET_MS = 4000; /* without a word, the page says so ... */
const SILENT_MS = 12000; /* ... and asks again */
const EVENTS = 200;

const told = new Set(); /* "number time" of each event shown: after a restart the numbers may begin again */
let heard = 0; /* when the gateway said something last, or was asked */
let shown = 0; /* of when the figures are */
let turn = 0; /* a new key ends what the key before it began */
let stop = null; /* ends the stream */

/* ---- the page ---- */

function showTotals() {
  const total = status.total || {};
  const targets = Object.values(status.models).flatMap(model => model.targets || []);
  const usable = targets.filter(target => target.health > 0).length;
  const figures = [
    ["in flight", number(status.in_flight)], ["streams", number(status.streams)], ["waiting", number(status.queue_depth)],
    ["requests", missing(total.requests) ? "–" : `${number(total.requests / (total.window_seconds || 60))}/s`],
    ["success", percent(total.success_rate)], ["cost a minute", dollars(total.cost_per_minute_usd)],
    ["cost a day", missing(total.projected_daily_cost_usd) ? "–" : `≈ ${dollars(total.projected_daily_cost_usd)}`],
    ["targets in use", `${usable} of ${targets.length}`, usable < targets.length ? "bad" : ""], ["loop busy", percent(status.loop_utilisation)],
  ];
  mend(by("totals"), figures.filter(([, value]) => value !== "–")
    .map(([name, value, kind]) => make("div", { "data-key": name }, make("dt", {}, name), make("dd", { class: kind }, value))));
}

const ALERTS = { error_rate: percent, latency_p95: millis, projected_cost_usd_per_day: dollars };

function showAlerts() {
  const alerts = status.alerts || [];
  by("alerts").hidden = alerts.length === 0;
  mend(by("alerts"), alerts.map(alert => {
    const show = ALERTS[alert.name] || number;
    return make("p", {}, make("b", {}, alert.severity),
      ` ${plain(alert.name)}${alert.model ? ` of ${alert.model}` : ""}: ${show(alert.value)}, threshold ${show(alert.threshold)}, since ${clock(alert.since)}`);
  }));
}

function showWhere() {
  const words = [status.environment, `version ${status.version}`, `up ${lasting(status.uptime_seconds)}`,
    status.draining ? "draining" : null, status.overloaded ? "overloaded" : null];
  by("where").textContent = words.filter(Boolean).join(" · ");
  document.title = `${status.alerts?.length ? "⚠ " : ""}sluice ${status.environment}`;
}

function showStatus(fresh) {
  status = fresh;
  for (const [name, model] of Object.entries(status.models)) remember(name, model);
  if (document.hidden) return;
  showWhere();
  showTotals();
  showAlerts();
  showModels();
}

const LOUD = ["breaker", "rollback", "reload_refused", "alert", "overload", "switch", "health", "key"];
const CALM = ["closed", "home", "good", "usable", "cleared", "normal"];

function eventLine(event) {
  const loud = LOUD.includes(event.kind) && !CALM.includes(event.to) && event.to !== event.model;
  const what = [event.target || event.model || event.provider, event.from && event.to ? `${event.from} → ${event.to}` : event.to, event.reason,
    event.actor && event.actor !== "sluice" ? `by ${event.actor}` : null].filter(Boolean).join(" · ");
  return make("li", {}, make("time", { datetime: event.time, title: event.time }, clock(event.time)),
    make("span", { class: loud ? "warn" : "" }, plain(event.kind)), make("span", { class: "what" }, what));
}

function showEvents(news) {
  const list = by("events");
  const fresh = news.events.filter(event => !told.has(`${event.id} ${event.time}`));
  for (const event of fresh) told.add(`${event.id} ${event.time}`);
  list.prepend(...fresh.slice(-EVENTS).map(eventLine).reverse());
  while (list.children.length > EVENTS) list.lastChild.remove();
  by("quiet").hidden = list.children.length > 0;
}

document.addEventListener("visibilitychange", () => { if (status && !document.hidden) showStatus(status); });

/* ---- the stream ---- */

const SHOW = { status: showStatus, events: showEvents };

function take(block) {
  let name = "";
  let data = "";
  for (const part of block.split("\n")) {
    if (part.startsWith("event: ")) name = part.slice(7);
    else if (part.startsWith("data: ")) data += part.slice(6);
  }
  try {
    SHOW[name]?.(JSON.parse(data));
  } catch (error) {
    console.error(error); /* what cannot be shown does not end the stream */
  }
}

async function readAll(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    shown = heard = Date.now();
    link("live");
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      take(rest.slice(0, end));
      rest = rest.slice(end + 2);
    }
  }
}

/* Why the gateway will not have us; null: the stream has ended. All events are asked for each time: this
 * may be another process than before. */
async function follow() {
  heard = Date.now();
  stop = new AbortController();
  const answer = await fetch("/admin/stream", { headers: { Authorization: `Bearer ${key}` }, signal: stop.signal });
  if (answer.status === 401) return "That is not an admin key of this gateway.";
  if (answer.status === 404) return "This gateway has no admin key yet: set admin.keys in its configuration.";
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  sessionStorage.setItem("sluice-admin-key", key);
  by("key").hidden = true;
  by("main").hidden = false;
  by("lock").hidden = false;
  await readAll(answer.body);
  return null;
}

function link(state, words) {
  const place = by("link");
  const text = words || state;
  place.dataset.state = state;
  if (place.textContent !== text) place.textContent = text;
}

function askForKey(refused) {
  turn++;
  link("locked");
  sessionStorage.removeItem("sluice-admin-key");
  key = "";
  by("main").hidden = true;
  by("lock").hidden = true;
  by("key").hidden = false;
  by("refused").textContent = refused;
  by("secret").focus();
}

const asOf = () => new Date(shown).toLocaleTimeString("en-GB");

async function run() {
  const mine = ++turn;
  link("connecting");
  while (mine === turn) {
    let refused = null;
    try {
      refused = await follow();
    } catch { /* the gateway is away: again in a moment */ }
    if (mine !== turn) return;
    if (refused) {
      askForKey(refused);
      return;
    }
    link("reconnecting", shown ? `reconnecting, figures of ${asOf()}` : "reconnecting");
    await new Promise(done => setTimeout(done, 1000));
  }
}

setInterval(() => {
  const quiet = Date.now() - heard;
  if (by("link").dataset.state === "live" && quiet > QUIET_MS) link("quiet", `nothing heard since ${asOf()}`);
  if (quiet > SILENT_MS) stop?.abort();
}, 1000);

by("key").addEventListener("submit", event => {
  event.preventDefault();
  key = by("secret").value.trim();
  by("secret").value = "";
  if (/^[\x21-\x7e]+$/.test(key)) run();
  else askForKey("A key is one word of visible ASCII characters.");
});

by("lock").addEventListener("click", () => {
  askForKey("");
  stop?.abort();
});

if (key) run();
else askForKey("");
