"use strict";
/* The page shows what /admin/stream says, once a second, and asks before it changes anything. Everything
 * that comes from the gateway is put in as text, never as markup. */

const by = id => document.getElementById(id);
const KEPT = 300; /* seconds of the charts */
const EVENTS = 200;
const history = new Map(); /* "model" -> [{p50, p95, ttft50, ttft95}] */
let key = sessionStorage.getItem("sluice-admin-key") || "";
let last = 0; /* number of the newest event shown */

/* ---- making things ---- */

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "class") node.className = value;
    else if (name === "onclick") node.addEventListener("click", value);
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}

const wide = part => `${Math.max(0, Math.min(100, part * 100))}%`;

/* A bar's width is a property, not an attribute: the page allows no inline styles. */
function bar(part) {
  const node = make("i");
  node.style.width = wide(part);
  return node;
}

/* ---- words for figures ---- */

const number = value => value === undefined || value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: 1 });
const percent = value => value === undefined || value === null ? "–" : `${(value * 100).toFixed(value > 0.995 && value < 1 ? 2 : 1)} %`;
const dollars = value => value === undefined || value === null ? "–" : `$${value < 1 ? value.toFixed(4) : value.toFixed(2)}`;
const clock = text => new Date(text).toLocaleTimeString("en-GB");

function millis(value) {
  if (value === undefined || value === null) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;
}

function lasting(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/* ---- asking the gateway ---- */

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  let said = text;
  try { said = JSON.parse(text).error?.message || text; } catch { /* not JSON: as it is */ }
  if (!answer.ok) throw new Error(said || `status ${answer.status}`);
  return said;
}

function say(text) {
  by("said").textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { by("said").textContent = ""; }, 6000);
}

/* Asks first; `green` not undefined: for a share, too. */
function confirmed(question, detail, green) {
  const dialog = by("ask");
  const slider = by("green");
  const show = () => { by("percent").textContent = slider.value; };
  by("question").textContent = question;
  by("detail").textContent = detail;
  by("share").hidden = green === undefined;
  slider.value = green ?? 0;
  slider.oninput = show;
  show();
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise(done => {
    dialog.onclose = () => done(dialog.returnValue === "yes" ? Number(slider.value) : null);
  });
}

async function act(question, detail, change, green) {
  const share = await confirmed(question, detail, green);
  if (share === null) return;
  try {
    await change(share);
    say("Done.");
  } catch (error) {
    say(`Refused: ${error.message}`);
  }
}

const of = model => `/admin/models/${encodeURIComponent(model)}`;

function buttons(name, model) {
  const rollout = model.rollout;
  const row = make("div", { class: "row push" });
  const add = (label, kind, question, detail, change, green) => row.append(make("button", {
    type: "button", class: kind, "data-act": label.toLowerCase(), onclick: () => act(question, detail, change, green),
  }, label));
  const by_hand = verb => () => ask("POST", `${of(name)}/rollout/${verb}`);
  if (!model.split) return null;
  const running = rollout && (rollout.state === "running" || rollout.state === "paused");
  if (!running) {
    add("Split", "", `Split ${name}`, "How much of its traffic goes to green from the next request on?",
      green => ask("PUT", `${of(name)}/split`, { blue: 100 - green, green }), model.split.green);
    add("Roll out", "", `Start the rollout of ${name}?`, "Green gets the share of the first phase, then more by itself.",
      () => ask("PUT", `${of(name)}/rollout`, { strategy: rollout?.strategy || "staged" }));
  }
  if (rollout?.state === "running") {
    add("Promote", "", `Promote ${name}?`, `The next phase begins now, whatever the figures say.`, by_hand("promote"));
    add("Pause", "", `Pause ${name}?`, "The split stays as it is until somebody resumes.", by_hand("pause"));
  }
  if (rollout?.state === "paused") add("Resume", "", `Resume ${name}?`, "Its checks go on.", by_hand("resume"));
  if (running || model.split.green > 0) {
    add("Rollback", "danger", `Roll ${name} back?`, "Blue gets everything from the next request on.",
      running || rollout?.state === "finished" ? by_hand("rollback") : () => ask("PUT", `${of(name)}/split`, { blue: 100, green: 0 }));
  }
  return row;
}

/* ---- a model ---- */

function splitOf(model) {
  const split = model.split;
  if (!split) return [];
  const blue = make("span", { class: "blue", "data-share": "blue" }, `blue ${number(split.blue)} %`);
  const green = make("span", { class: "green", "data-share": "green" }, `green ${number(split.green)} %`);
  return [make("div", { class: "split", "aria-hidden": "true" }, bar(split.blue / 100), bar(split.green / 100)),
    make("div", { class: "row" }, blue, green, split.from ? make("span", { class: "small" }, `set by ${split.from}`) : null)];
}

function rolloutOf(model) {
  const rollout = model.rollout;
  if (!rollout || rollout.state === "idle") return [];
  const where = rollout.phase ? `, phase ${rollout.phase}` : "";
  const steps = rollout.phases ? ` (${rollout.phase_number} of ${rollout.phases.length})` : "";
  const since = rollout.since ? ` since ${clock(rollout.since)}` : "";
  const reasons = (rollout.reasons || []).map(reason => make("li", {}, reason));
  return [make("p", { class: rollout.state === "rolled_back" ? "warn" : "", "data-rollout": rollout.state },
    `${rollout.strategy} rollout ${rollout.state.replace("_", " ")}${where}${steps}${since}`),
  reasons.length ? make("ul", { class: "reasons small" }, ...reasons) : null];
}

function switchOf(model) {
  const away = model.switch;
  if (!away || away.state === "home") return [];
  return [make("p", { class: "warn" }, `${away.state}: ${away.why || ""}${away.to ? `, ${away.to} goes first` : ""}`)];
}

const COLUMNS = [
  ["requests", side => number(side.requests)],
  ["success", side => percent(side.success_rate)],
  ["mean", side => millis(side.latency_ms?.mean)],
  ["p95", side => millis(side.latency_ms?.p95)],
  ["p99", side => millis(side.latency_ms?.p99)],
  ["first token p95", side => millis(side.ttft_ms?.p95)],
  ["tokens", side => number(side.tokens?.total)],
  ["cost", side => dollars(side.cost_usd)],
];

function sidesOf(model) {
  const figures = model.window;
  if (!figures) return [];
  const rows = ["blue", "green"].filter(side => figures[side] && (side === "blue" || model.split)).map(side =>
    make("tr", {}, make("td", { class: model.split ? side : "" }, model.split ? side : "all"),
      ...COLUMNS.map(([, show]) => make("td", {}, show(figures[side])))));
  return [make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Figures" }, make("table", {},
    make("thead", {}, make("tr", {}, make("th", {}, `last ${lasting(figures.seconds)}`), ...COLUMNS.map(([name]) => make("th", {}, name)))),
    make("tbody", {}, ...rows)))];
}

const FACTORS = ["errors", "latency", "probe", "breaker", "slow_start"];

function healthOf(target) {
  const level = target.health >= 0.9 ? "" : target.health > 0 ? "low" : "out";
  const factors = FACTORS.filter(name => target.factors && target.factors[name] < 1)
    .map(name => `${name.replace("_", " ")} × ${target.factors[name].toFixed(2)}`).join(", ");
  return [make("span", { class: `meter ${level}`, "aria-hidden": "true" }, bar(target.health)), number(target.health), factors ? ` (${factors})` : ""];
}

function targetsOf(model) {
  const rows = (model.targets || []).map(target => make("tr", {},
    make("td", { class: target.environment === "green" ? "green" : "" }, target.id),
    make("td", { "data-is": "weight" }, `${number(target.effective_weight)} of ${number(target.weight)}`),
    make("td", { "data-is": "health" }, ...healthOf(target)),
    make("td", { "data-is": "breaker", class: target.breaker === "closed" ? "" : "bad" }, target.breaker.replace("_", " ")),
    make("td", { "data-is": "in flight" }, number(target.in_flight)),
    make("td", { "data-is": "failures" }, `${number(target.failures)} of ${number(target.attempts)}`),
    make("td", { class: "why" }, target.last_error ? `${target.why}; last error ${target.last_error}` : target.why)));
  const heads = ["target", "weight", "health", "breaker", "in flight", "failures", "why"];
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Targets" }, make("table", { class: "targets" },
    make("thead", {}, make("tr", {}, ...heads.map(head => make("th", {}, head)))), make("tbody", {}, ...rows)));
}

/* ---- charts ---- */

function remember(name, model) {
  const points = history.get(name) || [];
  const all = model.window?.all || model.window?.blue;
  points.push({ p50: all?.latency_ms?.p50, p95: all?.latency_ms?.p95, ttft50: all?.ttft_ms?.p50, ttft95: all?.ttft_ms?.p95 });
  if (points.length > KEPT) points.shift();
  history.set(name, points);
  return points;
}

function line(points, field, most) {
  let path = "";
  points.forEach((point, i) => {
    const value = point[field];
    if (value === undefined || value === null) return;
    path += `${path ? "L" : "M"}${(i * 100 / (KEPT - 1)).toFixed(2)} ${(38 - 36 * value / most).toFixed(2)}`;
  });
  return path;
}

function chart(title, points, low, high) {
  const values = points.flatMap(point => [point[low], point[high]]).filter(value => value !== undefined && value !== null);
  if (values.length === 0) return null;
  const most = Math.max(1, ...values);
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 100 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title}, up to ${millis(most)}`);
  const ground = document.createElementNS(space, "line");
  for (const [name, value] of [["x1", 0], ["x2", 100], ["y1", 39], ["y2", 39]]) ground.setAttribute(name, value);
  svg.append(ground);
  for (const [field, kind] of [[high, "high"], [low, "low"]]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line(points, field, most));
    path.setAttribute("class", kind);
    svg.append(path);
  }
  const now = points[points.length - 1];
  return make("div", {}, make("h3", {}, `${title}: p50 ${millis(now[low])}, p95 ${millis(now[high])}`), svg);
}

function chartsOf(name, model) {
  const points = remember(name, model);
  const charts = [chart("whole answer", points, "p50", "p95"), chart("first token", points, "ttft50", "ttft95")].filter(Boolean);
  return charts.length ? [make("div", { class: "charts" }, ...charts)] : [];
}

/* ---- the page ---- */

function panel(name, model) {
  return make("section", { class: "panel", "data-model": name, "aria-label": `Model ${name}` },
    make("div", { class: "row" }, make("h2", {}, name), buttons(name, model)),
    ...splitOf(model), ...rolloutOf(model), ...switchOf(model), ...sidesOf(model), ...chartsOf(name, model), targetsOf(model));
}

/* A button that has the focus keeps it, although its panel is made anew. */
function focused() {
  const node = document.activeElement;
  const model = node?.closest("[data-model]")?.dataset.model;
  return model && node.dataset.act ? { model, act: node.dataset.act } : null;
}

function showModels(models) {
  const had = focused();
  const panels = Object.entries(models).filter(([, model]) => model.targets?.length).map(([name, model]) => panel(name, model));
  by("models").replaceChildren(...panels);
  if (!had) return;
  const place = panels.find(node => node.dataset.model === had.model);
  const same = place && [...place.querySelectorAll("[data-act]")].find(node => node.dataset.act === had.act);
  if (same) same.focus({ preventScroll: true });
}

function showTotals(status) {
  const total = status.total || {};
  const figures = [
    ["in flight", number(status.in_flight)], ["streams", number(status.streams)], ["waiting", number(status.queue_depth)],
    ["requests", total.requests === undefined ? undefined : `${number(total.requests / (total.window_seconds || 60))}/s`],
    ["success", total.success_rate === undefined ? undefined : percent(total.success_rate)],
    ["cost a minute", total.cost_per_minute_usd === undefined ? undefined : dollars(total.cost_per_minute_usd)],
    ["projected a day", total.projected_daily_cost_usd === undefined ? undefined : dollars(total.projected_daily_cost_usd)],
    ["loop busy", percent(status.loop_utilisation)],
  ];
  by("totals").replaceChildren(...figures.filter(([, value]) => value !== undefined && value !== "–")
    .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function showAlerts(alerts) {
  by("alerts").hidden = !alerts?.length;
  by("alerts").replaceChildren(...(alerts || []).map(alert => make("p", { class: "bad" },
    `${alert.severity}: ${alert.name.replaceAll("_", " ")}${alert.model ? ` of ${alert.model}` : ""}: ${number(alert.value)} (threshold ${number(alert.threshold)}), since ${clock(alert.since)}`)));
}

function showStatus(status) {
  by("where").textContent = `${status.environment}, version ${status.version}, up ${lasting(status.uptime_seconds)}`;
  document.title = `sluice ${status.environment}`;
  showTotals(status);
  showAlerts(status.alerts);
  showModels(status.models);
}

const BAD = ["breaker", "rollback", "reload_refused", "alert"];

function showEvents(told) {
  const list = by("events");
  for (const event of told.events) {
    if (event.id <= last) continue;
    last = event.id;
    const what = [event.target || event.model, event.from && event.to ? `${event.from} → ${event.to}` : event.to, event.reason,
      event.actor && event.actor !== "sluice" ? `by ${event.actor}` : null].filter(Boolean).join(" · ");
    list.prepend(make("li", {}, make("time", { datetime: event.time }, clock(event.time)),
      make("span", { class: BAD.includes(event.kind) ? "warn" : "" }, event.kind.replaceAll("_", " ")), make("span", {}, what)));
  }
  while (list.children.length > EVENTS) list.lastChild.remove();
}

/* ---- the stream ---- */

const SHOW = { status: showStatus, events: showEvents };

function take(block) {
  let name = "";
  let data = "";
  for (const part of block.split("\n")) {
    if (part.startsWith("event: ")) name = part.slice(7);
    else if (part.startsWith("data: ")) data += part.slice(6);
  }
  if (SHOW[name]) SHOW[name](JSON.parse(data));
}

async function follow() {
  const answer = await fetch(`/admin/stream?since=${last}`, { headers: { Authorization: `Bearer ${key}` } });
  if (answer.status === 401 || answer.status === 404) {
    return answer.status === 401 ? "That key is not an admin key of this gateway." : "This gateway has no admin key: set admin.keys.";
  }
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  sessionStorage.setItem("sluice-admin-key", key);
  by("key").hidden = true;
  by("main").hidden = false;
  link("live");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return null;
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      take(rest.slice(0, end));
      rest = rest.slice(end + 2);
    }
  }
}

function link(text, bad) {
  by("link").textContent = text;
  by("link").className = bad ? "bad" : "";
}

function askForKey(refused) {
  link("closed");
  by("main").hidden = true;
  by("key").hidden = false;
  by("refused").textContent = key ? refused : "";
  sessionStorage.removeItem("sluice-admin-key");
  by("secret").focus();
}

async function run() {
  for (;;) {
    let refused = null;
    try {
      refused = await follow();
    } catch { /* the gateway is away: again in a moment */ }
    if (refused) {
      askForKey(refused);
      return;
    }
    link("reconnecting", true);
    await new Promise(done => setTimeout(done, 1000));
  }
}

by("key").addEventListener("submit", event => {
  event.preventDefault();
  key = by("secret").value.trim();
  by("secret").value = "";
  run();
});

if (key) run();
else askForKey("");
