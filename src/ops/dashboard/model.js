/* A model: its panel, and what an operator may do with it. */

let key = sessionStorage.getItem("sluice-admin-key") || "";
let status = null; /* the newest */

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
}

function say(text) {
  by("said").textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { by("said").textContent = ""; }, 8000);
}

/* Asks first; `green` not undefined: for a share, too. The answer that changes nothing has the focus. */
function confirmed({ question, detail, green, danger }) {
  const dialog = by("ask");
  const slider = by("green");
  const show = () => { by("percent").textContent = slider.value; };
  by("question").textContent = question;
  by("detail").textContent = detail;
  by("share").hidden = green === undefined;
  by("yes").className = danger ? "strong danger" : "strong";
  slider.value = green ?? 0;
  slider.oninput = show;
  show();
  dialog.returnValue = "no";
  dialog.showModal();
  (green === undefined ? by("no") : slider).focus();
  return new Promise(done => {
    dialog.onclose = () => done(dialog.returnValue === "yes" ? Number(slider.value) : null);
  });
}

async function act(action) {
  const share = await confirmed(action);
  if (share === null) return;
  try {
    await action.change(share);
    say(`${action.label}: done.`);
  } catch (error) {
    say(`${action.label}: refused. ${error.message}`);
  }
}

const moving = model => ["running", "paused"].includes(model.rollout?.state);

/* What an operator may do with a model now. */
function actionsOf(name, model) {
  if (!model.split) return [];
  const path = `/admin/models/${encodeURIComponent(name)}`;
  const { rollout, split } = model;
  const byHand = verb => () => ask("POST", `${path}/rollout/${verb}`);
  const settled = [
    { label: "Split", question: `Split ${name}`, detail: "How much of its traffic goes to green from the next request on?",
      green: split.green, change: green => ask("PUT", `${path}/split`, { blue: 100 - green, green }) },
    { label: "Roll out", question: `Start the rollout of ${name}?`, detail: "Green gets the share of the first phase, then more by itself.",
      change: () => ask("PUT", `${path}/rollout`, { strategy: rollout?.strategy || "staged" }) },
  ];
  const running = [
    { label: "Promote", question: `Promote ${name}?`, detail: "The next phase begins now, whatever the figures say.", change: byHand("promote") },
    { label: "Pause", question: `Pause ${name}?`, detail: "The split stays as it is until somebody resumes.", change: byHand("pause") },
  ];
  const resume = { label: "Resume", question: `Resume ${name}?`, detail: "Its checks go on.", change: byHand("resume") };
  const rollback = { label: "Rollback", danger: true, question: `Roll ${name} back?`, detail: "Blue gets everything from the next request on.",
    change: moving(model) ? byHand("rollback") : () => ask("PUT", `${path}/split`, { blue: 100, green: 0 }) };
  return [...(moving(model) ? [] : settled), ...(rollout?.state === "running" ? running : []),
    ...(rollout?.state === "paused" ? [resume] : []), ...(moving(model) || split.green > 0 ? [rollback] : [])];
}

function buttons(name, model) {
  const actions = actionsOf(name, model);
  return actions.length ? make("div", { class: "row acts", "data-key": "acts" }, ...actions.map(action =>
    make("button", { type: "button", class: action.danger ? "danger" : "", "data-key": action.label, "data-act": action.label.toLowerCase() }, action.label))) : null;
}

by("models").addEventListener("click", event => {
  const label = event.target.closest("[data-act]")?.dataset.key;
  const name = event.target.closest("[data-model]")?.dataset.model;
  const action = label && actionsOf(name, status.models[name]).find(one => one.label === label);
  if (action) act(action);
});

/* ---- a model ---- */

const row = (kind, ...children) => make("tr", { "data-key": kind }, ...children);
const cell = (attributes, ...children) => make("td", attributes, ...children);
const badge = (kind, text) => make("span", { class: `badge ${kind}`, "data-key": text }, text);

function tableOf(label, kind, heads, rows) {
  return make("div", { class: "scroll", role: "group", "aria-label": label, "data-key": label }, make("table", { class: kind },
    make("thead", {}, make("tr", {}, ...heads.map(head => make("th", { scope: "col" }, head)))), make("tbody", {}, ...rows)));
}

function splitOf({ split }) {
  if (!split) return null;
  const share = side => make("span", { class: side, "data-share": side }, `${side} ${number(split[side])} %`);
  return make("div", { "data-key": "split" },
    make("div", { class: "split", "aria-hidden": "true" }, bar(split.blue / 100), bar(split.green / 100)),
    make("div", { class: "row" }, share("blue"), share("green"), split.from ? make("span", { class: "small" }, `set by ${split.from}`) : null));
}

function phasesOf(rollout) {
  if (!rollout.phases?.length) return null;
  return make("ol", { class: "phases", "aria-label": "Phases" }, ...rollout.phases.map((phase, i) => make("li", {
    class: i + 1 < rollout.phase_number ? "over" : "", "aria-current": i + 1 === rollout.phase_number ? "step" : null,
  }, `${phase.name} `, make("b", {}, `${number(phase.green)} %`))));
}

function rolloutOf({ rollout }) {
  if (!rollout || rollout.state === "idle") return null;
  const steps = rollout.phase && rollout.phases ? `, phase ${rollout.phase} (${rollout.phase_number} of ${rollout.phases.length})` : "";
  const since = rollout.since ? ` since ${clock(rollout.since)}` : "";
  const next = rollout.state === "running" && rollout.next_check_in_ms > 0 ? `, next check in ${lasting(Math.ceil(rollout.next_check_in_ms / 1000))}` : "";
  return make("div", { "data-key": "rollout", class: "rollout" },
    make("p", { class: rollout.state === "rolled_back" ? "bad" : "", "data-rollout": rollout.state },
      `${rollout.strategy} rollout ${plain(rollout.state)}${steps}${since}${next}`),
    phasesOf(rollout),
    rollout.reasons?.length ? make("ul", { class: "reasons small" }, ...rollout.reasons.map(reason => make("li", {}, reason))) : null);
}

const awayOf = model => model.switch && model.switch.state !== "home" ? model.switch : null;

function switchOf(model) {
  const away = awayOf(model);
  if (!away) return null;
  return make("p", { class: "warn", "data-key": "switch" }, [plain(away.state), away.why, away.to ? `${away.to} goes first` : null].filter(Boolean).join(": "));
}

const COLUMNS = [
  ["requests", side => number(side.requests)],
  ["success", side => percent(side.success_rate)],
  ["mean", side => millis(side.latency_ms?.mean)],
  ["p50", side => millis(side.latency_ms?.p50)],
  ["p95", side => millis(side.latency_ms?.p95)],
  ["p99", side => millis(side.latency_ms?.p99)],
  ["ttft p50", side => millis(side.ttft_ms?.p50)],
  ["ttft p95", side => millis(side.ttft_ms?.p95)],
  ["tokens", side => number(side.tokens?.total)],
  ["cost", side => dollars(side.cost_usd)],
];

function sidesOf(model) {
  const figures = model.window;
  if (!figures) return null;
  if (figures.all?.requests === 0) return make("p", { class: "small idle", "data-key": "idle" }, `No requests in the last ${lasting(figures.seconds)}.`);
  const sides = model.split ? ["blue", "green"] : ["all"];
  return tableOf("Figures", "figures", [`last ${lasting(figures.seconds)}`, ...COLUMNS.map(([name]) => name)],
    sides.filter(side => figures[side]).map(side => row(side, make("th", { scope: "row", class: side }, side),
      ...COLUMNS.map(([, show]) => cell({}, show(figures[side]))))));
}

const FACTORS = ["errors", "latency", "probe", "breaker", "slow_start"];

function healthOf(target) {
  const level = target.health >= 0.9 ? "" : target.health > 0 ? "low" : "out";
  const factors = FACTORS.filter(name => target.factors?.[name] < 1).map(name => `${plain(name)} × ${target.factors[name].toFixed(2)}`.replaceAll(" ", "\u00a0")).join(", ");
  return [make("span", { class: `meter ${level}`, "aria-hidden": "true" }, bar(target.health)), percent(target.health),
    factors ? make("span", { class: "small factors" }, factors) : null];
}

function targetsOf(model) {
  const rows = model.targets.map(target => row(target.id,
    make("th", { scope: "row" }, model.split ? make("span", { class: `dot ${target.environment || "blue"}`, title: target.environment || "blue" }) : null, target.id),
    cell({ "data-is": "weight" }, `${number(target.effective_weight)} of ${number(target.weight)}`),
    cell({ "data-is": "health" }, ...healthOf(target)),
    cell({ "data-is": "breaker", class: target.breaker === "closed" ? "" : "bad" }, plain(target.breaker)),
    cell({ "data-is": "in flight" }, number(target.in_flight)),
    cell({ "data-is": "failures" }, `${number(target.failures)} of ${number(target.attempts)}`),
    cell({ class: "why" }, [target.why, target.last_error ? `last error ${target.last_error}` : null].filter(Boolean).join("; "))));
  return tableOf("Targets", "targets", ["target", "weight", "health", "breaker", "in flight", "failures", "why"], rows);
}

/* ---- charts: the last five minutes, now at the right ---- */

const KEPT_MS = 300000; /* what the charts go back */
const GAP_MS = 5000; /* between two figures: a hole in the line */
const past = new Map(); /* model -> [{at, p50, p95, ttft50, ttft95}] */

function remember(name, model) {
  const all = model.window?.all || model.window?.blue;
  if (!all) return;
  const now = Date.now();
  const points = (past.get(name) || []).filter(point => point.at > now - KEPT_MS);
  points.push({ at: now, p50: all.latency_ms?.p50, p95: all.latency_ms?.p95, ttft50: all.ttft_ms?.p50, ttft95: all.ttft_ms?.p95 });
  past.set(name, points);
}

/* What is missing is left out, and so is the time when nothing was heard. */
function line(points, field, most, now) {
  let path = "";
  let before = 0;
  for (const point of points.filter(one => !missing(one[field]))) {
    const x = 100 - (now - point.at) * 100 / KEPT_MS;
    path += `${point.at - before < GAP_MS ? "L" : "M"}${x.toFixed(2)} ${(40 - 40 * point[field] / most).toFixed(2)}`;
    if (point.at - before >= GAP_MS) path += "h.3"; /* one alone is seen, too */
    before = point.at;
  }
  return path;
}

const scale = value => value < 1000 ? `${number(value)}${value ? " ms" : ""}` : `${number(value / 1000)} s`;

/* 1, 2 or 5 with zeros: a scale that does not tremble. */
function roundUp(value) {
  const ten = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map(step => step * ten).find(step => step >= value);
}

function chart(title, points, low, high) {
  const values = points.flatMap(point => [point[low], point[high]]).filter(value => !missing(value));
  const most = roundUp(Math.max(10, ...values));
  const now = points[points.length - 1];
  const legend = (kind, word, value) => make("span", { class: `key ${kind}` }, `${word} ${millis(value)}`);
  const rule = y => draw("line", { x1: 0, x2: 100, y1: y, y2: y });
  const plot = draw("svg", { viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": `${title} over the last five minutes, scale up to ${millis(most)}` },
    rule(0), rule(20), rule(40), draw("path", { class: "high", d: line(points, high, most, now.at) }), draw("path", { class: "low", d: line(points, low, most, now.at) }));
  return make("figure", { "data-key": title },
    make("figcaption", {}, make("span", {}, title), legend("low", "p50", now[low]), legend("high", "p95", now[high])),
    make("div", { class: "plot" }, plot, ...[most, most / 2, 0].map(value => make("span", { "aria-hidden": "true" }, scale(value)))),
    make("div", { class: "axis", "aria-hidden": "true" }, make("span", {}, "5 min ago"), make("span", {}, "now")));
}

function chartsOf(name) {
  const points = past.get(name);
  if (!points?.some(point => !missing(point.p95) || !missing(point.ttft95))) return null;
  return make("div", { class: "charts", "data-key": "charts" }, chart("Whole answer", points, "p50", "p95"), chart("First token", points, "ttft50", "ttft95"));
}

/* ---- a panel for each model ---- */

const OPEN_MODELS = 8; /* with more, only those are open that need a look */

const outOf = model => model.targets.filter(target => target.health <= 0 || target.breaker !== "closed").length;
const needsALook = model => outOf(model) > 0 || moving(model) || Boolean(awayOf(model));

function digest(model) {
  const out = outOf(model);
  const all = model.window?.all;
  const { rollout } = model;
  return make("span", { class: "digest" },
    rollout && rollout.state !== "idle" ? badge(rollout.state === "rolled_back" ? "bad" : "", plain(rollout.state) + (moving(model) && rollout.phase ? `: ${rollout.phase}` : "")) : null,
    awayOf(model) ? badge("warn", "switched") : null,
    out ? badge("bad", `${out} of ${model.targets.length} targets out`) : null,
    make("span", { class: "small" }, all?.requests ? `${number(all.requests)} requests, ${percent(all.success_rate)}, p95 ${millis(all.latency_ms?.p95)}`
      : `${model.targets.length} ${model.targets.length === 1 ? "target" : "targets"}`));
}

function panel(name, model, old, many) {
  const node = make("details", { class: "panel", "data-key": name, "data-model": name, "aria-label": `Model ${name}` },
    make("summary", {}, make("h2", {}, name), digest(model)));
  node.open = old ? old.open : !many || needsALook(model);
  if (node.open) node.append(...[buttons(name, model), splitOf(model), rolloutOf(model), switchOf(model), sidesOf(model), chartsOf(name), targetsOf(model)].filter(Boolean));
  return node;
}

/* A table that is wider than its place can be moved by keyboard. */
function reachTables() {
  for (const node of document.querySelectorAll(".scroll")) {
    if (node.scrollWidth > node.clientWidth) node.tabIndex = 0;
    else node.removeAttribute("tabindex");
  }
}

function showModels() {
  const models = Object.entries(status.models).filter(([, model]) => model.targets?.length);
  const wanted = by("filter").value.trim().toLowerCase();
  const found = models.filter(([name]) => name.toLowerCase().includes(wanted));
  const place = by("models");
  const old = new Map([...place.children].map(node => [node.dataset.key, node]));
  const had = place.contains(document.activeElement) ? document.activeElement.closest("[data-model]") : null;
  by("search").hidden = models.length <= OPEN_MODELS;
  by("found").textContent = wanted ? `${found.length} of ${models.length}` : `${models.length}`;
  const panels = found.map(([name, model]) => panel(name, model, old.get(name), models.length > OPEN_MODELS));
  const word = models.length ? "No model has a name like that." : "No models are configured: requests go where default_provider says.";
  mend(place, panels.length ? panels : [make("p", { class: "panel small", "data-key": "" }, word)]);
  if (had?.isConnected && document.activeElement === document.body) had.querySelector("summary").focus({ preventScroll: true });
  reachTables();
}

by("filter").addEventListener("input", () => { if (status) showModels(); });
by("models").addEventListener("toggle", event => {
  if (event.target.open && event.target.children.length === 1) showModels();
}, true);
