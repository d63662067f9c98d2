// Where another engine went on with an answer: the place in its text, and the mark that stands there.

import { marked } from "../vendor/marked/marked.js";

const SIGN = "\uFDD0"; // a noncharacter: no text of anybody's holds it
const IN_A_TAG = /<[^<>]*\uFDD0/;
const TRIES = 12;

// Offsets count characters of the text; the parser's text has one line end for each kind of them.
export const normalised = (text) => text.replace(/\r\n|\r/g, "\n");
export const offsetIn = (text, from) => normalised([...text].slice(0, from).join("")).length;

// -> the words with a sign in them, where the sign changes nothing else; null where no such place is near.
function signed(token, at) {
  const { raw } = token;
  if (raw.includes(SIGN)) return null;
  const plain = marked.parser(Object.assign([token], { links: {} }));
  for (let place = at; place <= raw.length && place < at + TRIES; place += 1) {
    const before = raw.slice(0, place), after = raw.slice(place);
    if (/\[\d{0,3}$/.test(before) && /^\d{0,3}\]/.test(after)) continue; // a mark of a source stays whole
    if (/[\uD800-\uDBFF]$/.test(before)) continue;
    const html = marked.parser(marked.lexer(before + SIGN + after));
    if (html.split(SIGN).length === 2 && !IN_A_TAG.test(html) && html.replace(SIGN, "") === plain) return html;
  }
  return null;
}

// The HTML of a block, with a sign for each seam inside it; `outside` are seams that can only stand before it.
export function htmlWith(token, links, seams) {
  const plain = marked.parser(Object.assign([token], { links }));
  const [only, ...more] = seams;
  const html = only?.at > 0 && !more.length ? signed(token, only.at) : null;
  return html ? { html, inside: only, outside: [] } : { html: plain, inside: null, outside: seams };
}

// Puts the mark in the place of its sign; a link or code is not torn apart, so it then stands before them.
export function placeMark(fragment, mark) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const at = text.data.indexOf(SIGN);
    if (at < 0) continue;
    const holder = text.parentElement?.closest("pre, code, a");
    const rest = text.splitText(at);
    rest.data = rest.data.slice(SIGN.length);
    if (holder) holder.before(mark);
    else rest.before(mark);
    return text.parentNode?.normalize();
  }
  fragment.prepend(mark);
}
