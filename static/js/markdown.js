// Markdown of answers to safe elements. Block by block, so that a growing answer re-renders only its end.

import DOMPurify from "../vendor/dompurify/purify.js";
import { marked } from "../vendor/marked/marked.js";
import { htmlWith, normalised, placeMarks } from "./seams.js";

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
marked.use({ renderer: { html: ({ text }) => escape(text), image: ({ text }) => escape(text) } });

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
  button.textContent = number;
  button.setAttribute("aria-label", `Source ${number}`);
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
    scroller.setAttribute("role", "region");
    scroller.setAttribute("aria-label", "Table");
    table.replaceWith(scroller);
    scroller.append(table);
  }
}

// What scrolls sideways can be scrolled from the keyboard.
function focusCode(fragment) {
  for (const code of fragment.querySelectorAll("pre")) {
    code.tabIndex = 0;
    code.setAttribute("role", "region");
    code.setAttribute("aria-label", "Code");
  }
}

export class MarkdownView {
  constructor(root, openCitation) {
    this.root = root;
    this.openCitation = openCitation;
    this.blocks = []; // {raw, node}
    this.numbers = new Set();
  }

  // `seams`: {at, key, mark} in their order; `mark()` makes what stands at that place of the text.
  render(text, numbers, seams = []) {
    if (numbers.size !== this.numbers.size) this.clear();
    this.numbers = numbers;
    const tokens = marked.lexer(normalised(text));
    const waiting = [...seams];
    let begin = 0, index = 0;
    for (const token of tokens) {
      const start = begin;
      begin += token.raw.length;
      if (token.type === "space" || token.type === "def") continue;
      const here = [];
      while (waiting.length && waiting[0].at < begin) here.push(waiting.shift());
      this.#block(token, tokens.links, index, here.map((seam) => ({ ...seam, at: Math.max(0, seam.at - start) })));
      index += 1;
    }
    for (const { node } of this.blocks.splice(index)) node.remove();
  }

  clear() {
    this.blocks = [];
    this.root.replaceChildren();
  }

  #block(token, links, index, seams) {
    const key = JSON.stringify(seams);
    if (this.blocks[index]?.raw === token.raw && this.blocks[index].key === key) return;
    const node = document.createElement("div");
    node.className = "block";
    const { html, inside, outside } = htmlWith(token, links, seams);
    const fragment = DOMPurify.sanitize(html, RULES);
    placeMarks(fragment, inside.map((seam) => seam.mark()));
    node.append(...outside.map((seam) => seam.mark()));
    wrapTables(fragment);
    focusCode(fragment);
    markCitations(fragment, this.numbers, this.openCitation);
    node.append(fragment);
    if (this.blocks[index]) this.blocks[index].node.replaceWith(node);
    else this.root.append(node);
    this.blocks[index] = { raw: token.raw, key, node };
  }
}

// The highlighter is large, so it is fetched only once an answer holds code in a named language.
export async function highlightCode(root) {
  const codes = root.querySelectorAll('pre > code[class^="language-"]:not([data-highlighted])');
  if (!codes.length) return;
  const { default: highlighter } = await import("../vendor/highlight/highlight.js");
  for (const code of codes) {
    const name = code.className.replace("language-", "");
    if (highlighter.getLanguage(name)) highlighter.highlightElement(code);
  }
}
