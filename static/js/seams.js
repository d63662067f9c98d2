// Where another engine went on with an answer: the place in its text, and the mark that stands there.

import { marked } from "../vendor/marked/marked.js";

const SIGNS = Array.from({ length: 32 }, (_, index) => String.fromCharCode(0xFDD0 + index)); // noncharacters: no text of anybody's holds one
const ANY_SIGN = /[\uFDD0-\uFDEF]/g;
const IN_A_TAG = /<[^<>]*[\uFDD0-\uFDEF]/;
const TRIES = 12;

// Offsets count characters of the text; the parser's text has one line end for each kind of them.
export const normalised = (text) => text.replace(/\r\n|\r/g, "\n");
export const offsetIn = (text, from) => normalised([...text].slice(0, from).join("")).length;

const parsed = (tokens, links = tokens.links) => marked.parser(Object.assign(tokens, { links }));

// -> the words with this sign in them, where it changes nothing else; null where no such place is near. Behind the
// sign before it, where the next words take none: the order is kept, and what is before a block is another's.
function signed(words, at, behind, sign, plain) {
  const places = Array.from({ length: TRIES }, (_, step) => at + step).filter((place) => place <= words.length);
  for (const place of behind ? [...places, behind] : places) {
    const before = words.slice(0, place), after = words.slice(place);
    if (/\[\d{0,3}$/.test(before) && /^\d{0,3}\]/.test(after)) continue; // a mark of a source stays whole
    if (/[\uD800-\uDBFF]$/.test(before)) continue;
    const html = parsed(marked.lexer(before + sign + after));
    if (html.split(sign).length === 2 && !IN_A_TAG.test(html) && html.replace(ANY_SIGN, "") === plain) {
      return { words: before + sign + after, behind: place + sign.length, html };
    }
  }
  return null;
}

// The HTML of a block, with a sign for each seam inside it, in their order; `outside` can only stand before it.
export function htmlWith(token, links, seams) {
  const inside = [], outside = [];
  const plain = seams.length ? parsed([token], {}) : "";
  let last = { words: token.raw, behind: 0, html: "" };
  for (const seam of seams) {
    const at = Math.max(seam.at + inside.length, last.behind);
    const free = seam.at > 0 && inside.length < SIGNS.length && (inside.length || !token.raw.match(ANY_SIGN));
    const found = free ? signed(last.words, at, last.behind, SIGNS[inside.length], plain) : null;
    (found ? inside : outside).push(seam);
    last = found ?? last;
  }
  return { html: last.html || parsed([token], links), inside, outside };
}

// Puts each mark in the place of its sign; a link or code is not torn apart, so it then stands before them.
export function placeMarks(fragment, marks) {
  marks.forEach((mark, index) => placeMark(fragment, SIGNS[index], mark));
}

function placeMark(fragment, sign, mark) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const at = text.parentElement?.closest(".seam") ? -1 : text.data.indexOf(sign);
    if (at < 0) continue;
    const holder = text.parentElement?.closest("pre, code, a");
    const rest = text.splitText(at);
    rest.data = rest.data.slice(sign.length);
    if (holder) holder.before(mark);
    else rest.before(mark);
    return text.parentNode?.normalize();
  }
  fragment.prepend(mark);
}
