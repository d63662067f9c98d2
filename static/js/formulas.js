// Formulas in answers: found by the parser, shown as they were written until KaTeX has drawn them. It is large, so it
// is fetched only once an answer holds a formula.

import { gettext } from "./language.js";

const MOST_CHARACTERS = 2000; // of a formula
const MOST_KEPT = 300; // drawings, so that a growing answer does not draw the same formula again and again
const SLICE = 12; // ms of drawing at a time
const TRIES = 3; // to fetch the library
const FOUND = "code.language-math, code.language-math-inline, code.language-math-display";
const ELEMENTS = /^(span|math|semantics|annotation|m[a-z]+|svg|path|line|g)$/;
const ATTRIBUTES = /^(?!on|href$|src$|xlink|id$|name$)/;
const OPTIONS = { throwOnError: true, strict: false, trust: false, maxSize: 20, maxExpand: 300, globalGroup: false };

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

// -> {raw, tex} where the text begins with a formula between these two; blank lines are in none.
function enclosed(src, open, close) {
  if (!src.startsWith(open)) return null;
  const near = src.slice(open.length, open.length + MOST_CHARACTERS + close.length);
  const end = near.indexOf(close);
  const tex = near.slice(0, end).trim();
  if (end < 0 || !tex || /\n[ \t]*\n/.test(near.slice(0, end))) return null;
  return { raw: open + near.slice(0, end + close.length), tex };
}

// As Pandoc has it, so that amounts stay amounts: no space inside the signs, and no letter or figure behind them.
function betweenDollars(src) {
  const found = /^\$(?![\s$])((?:[^$\\\n]|\\[^\n]){1,1000})\$(?![\w$])/.exec(src);
  return found && !/\s$/.test(found[1]) ? { raw: found[0], tex: found[1] } : null;
}

const displayed = (src) => enclosed(src, "$$", "$$") ?? enclosed(src, "\\[", "\\]");

// For the parser: what a formula is, and the element that holds its words.
export const formulaRules = [
  {
    name: "formulaBlock",
    level: "block",
    start: (src) => /(?:^|\n) {0,3}(?=\$\$|\\\[)/.exec(src)?.index,
    tokenizer(src) {
      const indent = /^ {0,3}/.exec(src)[0];
      const found = displayed(src.slice(indent.length));
      const rest = found && /^[ \t]*(?:\n|$)/.exec(src.slice(indent.length + found.raw.length));
      return rest ? { type: "formulaBlock", raw: indent + found.raw + rest[0], tex: found.tex } : undefined;
    },
    renderer: ({ tex }) => `<pre><code class="language-math-display">${escape(tex)}</code></pre>`,
  },
  {
    name: "formula",
    level: "inline",
    start: (src) => /(?<![\w\\$])\$(?=\S)|\\[([]/.exec(src)?.index,
    tokenizer(src) {
      const display = displayed(src);
      const found = display ?? enclosed(src, "\\(", "\\)") ?? betweenDollars(src);
      return found ? { type: "formula", raw: found.raw, tex: found.tex, display: Boolean(display) } : undefined;
    },
    renderer: ({ tex, display }) => `<code class="language-math-${display ? "display" : "inline"}">${escape(tex)}</code>`,
  },
];

let katex = null, loading = null, failures = 0, timer = null;
const drawings = new Map(); // words -> what was drawn
let waiting = [];

async function load() {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("../vendor/katex/katex.css", import.meta.url).href;
  const styled = new Promise((resolve, reject) => Object.assign(style, { onload: resolve, onerror: () => (style.remove(), reject(new Error("no style"))) }));
  document.head.append(style);
  await Promise.all([import("../vendor/katex/katex.js"), styled]);
  katex = globalThis.katex;
}

// Draws what is in `root`: some at once, the rest in slices, so that the page stays answering.
export function drawFormulas(root) {
  const found = [...root.querySelectorAll(FOUND)].filter((code) => !code.dataset.formula);
  if (!found.length) return;
  waiting.push(...found);
  if (katex) return drawSome();
  if (failures >= TRIES) return void (waiting = []);
  loading ??= load().then(drawSome, () => ((failures += 1), (loading = null), (waiting = [])));
}

function drawSome() {
  const until = performance.now() + SLICE;
  while (waiting.length && performance.now() < until) draw(waiting.shift());
  clearTimeout(timer);
  if (waiting.length) timer = setTimeout(drawSome);
}

function draw(code) {
  const display = code.className !== "language-math-inline";
  const holder = code.closest("pre") ?? code;
  const words = code.textContent.trim();
  const drawn = drawing(words, display);
  if (!drawn) return void (code.dataset.formula = "words"); // no formula that KaTeX knows: its words stay
  const place = document.createElement("span");
  place.className = display ? "formula display" : "formula";
  place.dir = "ltr";
  place.dataset.tex = display ? `$$${words}$$` : `$${words}$`;
  if (display) Object.assign(place, { tabIndex: 0, role: "group", ariaLabel: gettext("Formula") });
  place.append(drawn.cloneNode(true));
  (holder.closest(".code") ?? holder).replaceWith(place);
}

function drawing(words, display) {
  const key = `${display} ${words}`;
  if (!drawings.has(key)) {
    if (drawings.size >= MOST_KEPT) drawings.delete(drawings.keys().next().value);
    drawings.set(key, drawAnew(words, display));
  }
  return drawings.get(key);
}

function drawAnew(words, display) {
  if (words.length > MOST_CHARACTERS) return null;
  const place = document.createElement("span");
  try {
    katex.render(words, place, { ...OPTIONS, displayMode: display });
  } catch {
    return null;
  }
  return clean(place.firstElementChild);
}

// KaTeX makes elements, not markup, and trusts nothing (no links, no pictures); what it does not need goes all the same.
function clean(drawn) {
  for (const node of drawn?.querySelectorAll("*") ?? []) {
    if (!ELEMENTS.test(node.localName)) node.remove();
    else for (const { name } of [...node.attributes]) if (!ATTRIBUTES.test(name)) node.removeAttribute(name);
  }
  return drawn;
}
