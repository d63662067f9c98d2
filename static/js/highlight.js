// Code in answers: a head with its language and a button that copies, and colours once the answer is complete.

import { copyButton } from "./copying.js";
import { el } from "./dom.js";
import { gettext } from "./language.js";

const MOST_CHARACTERS = 30_000; // more is shown without colours: it would hold up the page
const SLICE = 12; // ms of colouring at a time
const UNCOLOURED = 'pre > code[class^="language-"]:not([data-highlighted])';

// Each piece of code in a frame; what scrolls sideways can be scrolled from the keyboard.
export function frameCode(fragment) {
  for (const pre of fragment.querySelectorAll("pre")) {
    pre.tabIndex = 0;
    pre.setAttribute("role", "group"); // no landmark: there may be many
    pre.setAttribute("aria-label", gettext("Code"));
    const code = pre.querySelector(":scope > code") ?? pre; // a mark of another engine may stand before it
    const language = /^language-([\w+#-]+)/.exec(code.className)?.[1] ?? "";
    const frame = el("div", { class: "code" });
    pre.replaceWith(frame);
    frame.append(el("div", { class: "code-head" }, el("span", {}, language), copyOf(code)), pre);
  }
}

const copyOf = (code) => copyButton(() => code.textContent.replace(/\n$/, ""), { "aria-label": gettext("Copy this code") });

let waiting = [], timer = null, highlighter = null;

// The highlighter is large, so it is fetched only once an answer holds code in a named language.
export async function highlightCode(root) {
  const codes = [...root.querySelectorAll(UNCOLOURED)].filter((code) => code.textContent.length <= MOST_CHARACTERS);
  if (!codes.length) return;
  waiting.push(...codes);
  highlighter ??= (await import("../vendor/highlight/highlight.js")).default;
  timer ??= setTimeout(colourSome);
}

function colourSome() {
  timer = null;
  const until = performance.now() + SLICE;
  while (waiting.length && performance.now() < until) colour(waiting.shift());
  if (waiting.length) timer = setTimeout(colourSome);
}

function colour(code) {
  const name = code.className.replace("language-", "");
  if (code.dataset.highlighted || !highlighter.getLanguage(name)) return;
  highlighter.highlightElement(code);
}
