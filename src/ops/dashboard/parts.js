"use strict";
/* What the page is made of: nodes, and words for figures. In this order these files are one script:
 *
 *     parts.js --> model.js: a model's panel, and what an operator may do with it
 *              --> page.js: totals, alerts, events; the stream that brings them
 *
 * The page shows what /admin/stream says, once a second, and asks before it changes anything. Everything
 * that comes from the gateway is put in as text, never as markup.
 *
 * Each second makes the page anew beside the one that is seen, then mends that one where they differ: so a
 * focus, a selection, a scroll position and an open panel survive. */

const by = id => document.getElementById(id);

/* ---- making and mending ---- */

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null && value !== "") node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined && child !== ""));
  return node;
}

function draw(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/* A bar's width is a property, not an attribute: the page allows no inline styles. */
function bar(part) {
  const node = make("i");
  node.style.width = `${Math.max(0, Math.min(100, part * 100))}%`;
  return node;
}

const OURS = ["style", "open", "tabindex"]; /* the page's own, whatever the fresh node has */

function mendAttributes(node, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (!OURS.includes(name) && node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  for (const { name } of [...node.attributes]) {
    if (!OURS.includes(name) && !fresh.hasAttribute(name)) node.removeAttribute(name);
  }
  if (node.style.width !== fresh.style.width) node.style.width = fresh.style.width;
}

const alike = (node, fresh) => node.nodeName === fresh.nodeName && node.dataset?.key === fresh.dataset?.key;

/* Makes the children of `place` be like `wanted`, with as few changes as it takes. */
function mend(place, wanted) {
  let at = place.firstChild;
  for (const fresh of wanted) {
    let node = at;
    while (node && !alike(node, fresh)) node = node.nextSibling;
    if (!node) {
      place.insertBefore(fresh, at);
      continue;
    }
    while (at !== node) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    if (node.nodeType !== Node.TEXT_NODE) {
      mendAttributes(node, fresh);
      mend(node, [...fresh.childNodes]);
    } else if (node.data !== fresh.data) node.data = fresh.data;
    at = node.nextSibling;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/* ---- words for figures ---- */

const missing = value => value === undefined || value === null;
const number = value => missing(value) ? "–" : value.toLocaleString("en", { maximumFractionDigits: 1 });
const percent = value => missing(value) ? "–" : `${(value * 100).toFixed(value > 0.995 && value < 1 ? 2 : 1)} %`;

function dollars(value) {
  if (missing(value)) return "–";
  const digits = value < 1 ? 4 : value < 1000 ? 2 : 0;
  return `$${value.toLocaleString("en", { minimumFractionDigits: Math.min(digits, 2), maximumFractionDigits: digits })}`;
}

const plain = text => text.replaceAll("_", " ");

function clock(text) {
  const time = new Date(text);
  const hours = time.toLocaleTimeString("en-GB");
  if (time.toDateString() === new Date().toDateString()) return hours;
  return `${time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${hours}`;
}

function millis(value) {
  if (missing(value)) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(value < 10000 ? 2 : 1)} s`;
}

function lasting(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86400)} days`;
}
