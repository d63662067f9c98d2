// Markdown of answers to safe elements. Block by block, so that a growing answer re-renders only its end.

import "../vendor/dompurify/purify.js"; // the small one is no module: it makes a global
import { Lexer, marked } from "../vendor/marked/marked.js";
import { drawFormulas, formulaRules } from "./formulas.js";
import { grown, shapeOf } from "./growing.js";
import { frameCode } from "./highlight.js";
import { gettext } from "./language.js";
import { htmlWith, normalised, placeMarks } from "./seams.js";

const { DOMPurify } = globalThis;
const RULES = {
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "code", "dd", "del", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["href", "title", "start", "align", "class"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text) => text.replace(/[&<>"]/g, (sign) => ESCAPES[sign]);

// HTML in an answer is shown as it was written, and a picture as its words: neither reaches the parser.
marked.use({ renderer: { html: ({ text }) => escape(text), image: ({ text }) => escape(text) }, extensions: formulaRules });

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName === "A") {
    node.setAttribute("rel", "noopener noreferrer nofollow");
    node.setAttribute("target", "_blank");
  }
  const language = node.nodeName === "CODE" && /^language-[\w+#-]{1,30}$/.test(node.className);
  if (node.hasAttribute?.("class") && !language) node.removeAttribute("class");
});

function markCitations(fragment, numbers, openCitation) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement?.closest("code, pre, a, .seam")) texts.push(walker.currentNode);
  }
  for (const text of texts) {
    const parts = text.data.split(/(\[\d{1,3}\])/);
    if (parts.length === 1) continue;
    text.replaceWith(...withLastWord(parts.map((part) => mark(part, numbers, openCitation))));
  }
}

function mark(part, numbers, openCitation) {
  const number = Number(/^\[(\d{1,3})\]$/.exec(part)?.[1] ?? NaN);
  if (!numbers.has(number)) return document.createTextNode(part);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cite";
  button.dataset.number = number;
  const shown = numbers.get(number);
  button.textContent = shown;
  button.setAttribute("aria-label", gettext("Source %(number)s", { number: shown }));
  button.addEventListener("click", () => openCitation(number, button));
  return button;
}

// A mark stays on the line of the word before it: a button may stand alone otherwise, even after a fixed space.
function withLastWord(nodes) {
  return nodes.map((node, index) => {
    const before = nodes[index - 1];
    const word = node.nodeName === "BUTTON" && /\S{1,30}\s?$/.exec(before?.data ?? "")?.[0];
    if (!word) return node;
    before.data = before.data.slice(0, -word.length);
    const together = document.createElement("span");
    together.className = "together";
    together.append(word, node);
    return together;
  });
}

function wrapTables(fragment) {
  for (const table of fragment.querySelectorAll("table")) {
    const scroller = document.createElement("div");
    scroller.className = "table-scroll";
    scroller.tabIndex = 0;
    scroller.setAttribute("role", "group"); // no landmark: there may be many
    scroller.setAttribute("aria-label", gettext("Table"));
    table.replaceWith(scroller);
    scroller.append(table);
  }
}

// The answer up to here is read: later words change nothing before it.
const NOTHING_READ = { text: "", blocks: 0, links: {} };
const isContent = (token) => token.type !== "space" && token.type !== "def";

export class MarkdownView {
  constructor(root, openCitation) {
    this.root = root;
    this.openCitation = openCitation;
    this.numbers = new Map();
    this.clear();
  }

  // `numbers`: of the marks, to what is shown (numbering.js). `seams`: {at, key, mark} in their order; `mark()` makes what
  // stands at that place of the text. `growing`: more will follow, so that only the end has to be read and made again.
  render(text, numbers, seams = [], growing = false) {
    const key = JSON.stringify([seams, numbers.size, growing]);
    if (this.shown === text && this.key === key) return;
    const whole = normalised(text);
    if (numbers.size !== this.numbers.size) this.clear();
    if (seams.length || !whole.startsWith(this.read.text)) this.read = NOTHING_READ;
    Object.assign(this, { shown: text, key, numbers });
    this.#renderFrom(whole, seams, growing);
  }

  #renderFrom(whole, seams, growing) {
    const lexer = new Lexer();
    Object.assign(lexer.tokens.links, this.read.links);
    const tokens = lexer.lex(whole.slice(this.read.text.length));
    if (!growing && this.blocks.length && Object.keys(tokens.links).length) {
      this.#forget(); // a link may be named before it is told where to
      return this.#renderFrom(whole, seams, growing);
    }
    const waiting = [...seams];
    let begin = this.read.text.length, index = this.read.blocks;
    const starts = [];
    for (const token of tokens) {
      const start = begin;
      begin += token.raw.length;
      if (!isContent(token)) continue;
      starts.push({ text: whole.slice(0, start), blocks: index });
      const here = [];
      while (waiting.length && waiting[0].at < begin) here.push(waiting.shift());
      this.#block(token, tokens.links, index, here.map((seam) => ({ ...seam, at: Math.max(0, seam.at - start) })));
      index += 1;
    }
    for (const { node } of this.blocks.splice(index)) node.remove();
    if (growing && !seams.length && starts.length > 1) this.read = { ...starts.at(-2), links: { ...tokens.links } };
  }

  clear() {
    this.shown = this.key = null;
    this.#forget();
  }

  #forget() {
    this.blocks = []; // {raw, key, node, shape}
    this.read = NOTHING_READ;
    this.root.replaceChildren();
  }

  #block(token, links, index, seams) {
    const key = JSON.stringify(seams);
    const known = this.blocks[index];
    if (known?.raw === token.raw && known.key === key) return;
    if (known && key === "[]" && grown(known, token, (part) => this.#fragment(part, links).fragment)) return drawFormulas(known.node);
    const node = this.#made(token, links, seams);
    if (known) known.node.replaceWith(node);
    else this.root.append(node);
    this.blocks[index] = { raw: token.raw, key, node, shape: key === "[]" ? shapeOf(token) : null };
    drawFormulas(node);
  }

  #made(token, links, seams) {
    const node = document.createElement("div");
    node.className = "block";
    const { fragment, outside } = this.#fragment(token, links, seams);
    node.append(...outside.map((seam) => seam.mark()));
    node.append(fragment);
    return node;
  }

  #fragment(token, links, seams = []) {
    const { html, inside, outside } = htmlWith(token, links, seams);
    const fragment = DOMPurify.sanitize(html, RULES);
    placeMarks(fragment, inside.map((seam) => seam.mark()));
    wrapTables(fragment);
    frameCode(fragment);
    markCitations(fragment, this.numbers, this.openCitation);
    return { fragment, outside };
  }
}
