// A selected passage of an answer or of a source, quoted into the next question.

import { el } from "./dom.js";
import { gettext } from "./language.js";

const MOST_CHARACTERS = 2000;
const PLACES = ".assistant .prose, .source-panel [data-body]";
const LEFT_OUT = ".cite, .seam, .code-head, .grounding-note, .pdf-tools, .visually-hidden";

// -> the words that are selected where they may be quoted from; "" otherwise
export function selectedWords(selection = getSelection()) {
  if (!selection || selection.isCollapsed || !selection.rangeCount) return "";
  const range = selection.getRangeAt(0);
  if (!placeOf(range.startContainer) || !placeOf(range.endContainer)) return "";
  const copy = range.cloneContents();
  for (const node of copy.querySelectorAll(LEFT_OUT)) node.remove();
  for (const formula of copy.querySelectorAll("[data-tex]")) formula.replaceWith(formula.dataset.tex);
  for (const line of copy.querySelectorAll("p, li, tr, pre, h1, h2, h3, h4, h5, h6, blockquote, br")) line.after("\n");
  for (const cell of copy.querySelectorAll("td, th")) cell.after(" ");
  return copy.textContent.replace(/[^\S\n]+/g, " ").replace(/\s*\n\s*/g, "\n").trim().slice(0, MOST_CHARACTERS);
}

const placeOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(PLACES);

// As Markdown has quotations, with an empty line for what one has to say about it.
export const quotation = (words) => `${words.split("\n").map((line) => `> ${line}`).join("\n")}\n\n`;

// A button beside what was selected. `onQuote(words)`.
export class QuoteButton {
  constructor(onQuote) {
    this.onQuote = onQuote;
    this.button = el("button", { type: "button", class: "button small quote-button", hidden: true, "aria-keyshortcuts": "Control+Shift+. Meta+Shift+." }, gettext("Quote in the question"));
    this.button.addEventListener("pointerdown", (event) => event.preventDefault()); // the selection stays
    this.button.addEventListener("click", () => this.quote());
    document.body.append(this.button);
    document.addEventListener("selectionchange", () => this.#later());
    document.addEventListener("scroll", () => this.#hide(), { capture: true, passive: true });
  }

  // False where nothing is selected that may be quoted.
  quote() {
    const words = selectedWords();
    this.#hide();
    if (!words) return false;
    getSelection().removeAllRanges();
    this.onQuote(words);
    return true;
  }

  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#place(), 200);
  }

  #hide() {
    this.button.hidden = true;
  }

  #place() {
    if (!selectedWords()) return this.#hide();
    const box = getSelection().getRangeAt(0).getBoundingClientRect();
    this.button.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.button;
    const left = Math.min(Math.max(8, box.left + box.width / 2 - width / 2), innerWidth - width - 8);
    const above = box.top - height - 8;
    Object.assign(this.button.style, { left: `${left}px`, top: `${above > 8 ? above : Math.min(box.bottom + 8, innerHeight - height - 8)}px` });
  }
}
