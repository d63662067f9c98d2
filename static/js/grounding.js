// Sentences of an answer that the passages they name do not hold: underlined with dots, and said to screen readers.

import { gettext, ngettext } from "./language.js";

const TITLE = gettext("The passages that this sentence names do not say so.");
const LEFT_OUT = ".cite, .seam, .grounding-note, .code, .formula, pre, code";
const BETWEEN = "ul, ol, table, thead, tbody, tr";
const signs = (text) => text.replace(/[^\p{L}\p{N}]/gu, "");

export const underlined = (count) => ngettext("One sentence is underlined with dots: the passages that it names do not say so.", "%(count)s sentences are underlined with dots: the passages that they name do not say so.", count);

// What a reader sees of the Markdown of a sentence, letters and figures alone.
const shown = (markdown) => signs(markdown.replace(/\[\d{1,3}\]/g, "").replace(/\]\([^)]*\)/g, "]").replace(/`[^`]*`|\$\$?[^$]+\$\$?|\\[([][^]*?\\[)\]]/g, ""));

// `marks`: [from, to] in characters of the text. May be called again: what was marked before is not marked twice.
export function markUnsupported(root, text, marks) {
  const key = JSON.stringify(marks);
  const there = root.querySelectorAll(".unsupported").length;
  if (root.dataset.unsupported === `${there} ${key}` || (!marks.length && !there)) return;
  unmark(root);
  const characters = [...text];
  let behind = 0;
  for (const [from, to] of marks) {
    const sentence = shown(characters.slice(from, to).join(""));
    const letters = lettersOf(root);
    const at = sentence ? letters.text.indexOf(sentence, behind) : -1;
    if (at < 0) continue;
    behind = at + sentence.length;
    wrap(letters, at, behind);
  }
  root.dataset.unsupported = `${root.querySelectorAll(".unsupported").length} ${key}`;
}

function unmark(root) {
  for (const note of root.querySelectorAll(".grounding-note")) note.remove();
  for (const span of root.querySelectorAll(".unsupported")) span.replaceWith(...span.childNodes);
  root.normalize();
}

// -> the letters of all words shown, and for each text where its own begin.
function lettersOf(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  let text = "";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement?.closest(LEFT_OUT)) continue;
    texts.push({ node, begin: text.length });
    text += signs(node.data);
  }
  return { text, texts };
}

function wrap({ texts }, start, end) {
  let last = null;
  for (const { node, begin } of texts) {
    const length = signs(node.data).length;
    if (begin >= end || begin + length <= start || (!length && node.parentElement?.matches(BETWEEN))) continue;
    const first = last ? 0 : placeOf(node.data, start - begin, false);
    const behind = begin + length < end ? node.data.length : placeOf(node.data, end - begin, true);
    const part = node.splitText(first);
    part.splitText(behind - first);
    last = document.createElement("span");
    last.className = "unsupported";
    last.title = TITLE;
    part.replaceWith(last);
    last.append(part);
  }
  if (!last) return;
  const note = document.createElement("span");
  note.className = "grounding-note visually-hidden";
  note.textContent = ` ${gettext("(not found in the passages named)")}`;
  last.append(note);
}

// Where in a text so many letters are over: behind the last one and what closes it, or before the next one.
function placeOf(data, letters, closing) {
  let at = 0, seen = 0;
  for (const character of data) {
    const isLetter = signs(character).length > 0;
    if (seen >= letters && (isLetter || !closing || !/[.!?…"'”’)\]%€$]/.test(character))) {
      if (closing || isLetter) break;
    }
    if (isLetter) seen += character.length;
    at += character.length;
  }
  return at;
}
