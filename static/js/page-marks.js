// What the views of PDF pages and of pictures share.

import { el } from "./dom.js";

export const MOST_PIXELS = 16_000_000; // of a canvas: some phones refuse larger ones
export const ZOOMS = [1, 1.5, 2, 3];
const DRAWN_WITHIN = 30_000;

// Of a box: [page, left, top, right, bottom], fractions of the page as it is shown.
export function markOf([, left, top, right, bottom], name) {
  const mark = el("div", { class: name });
  const percent = (part) => `${Math.min(Math.max(part, 0), 1) * 100}%`;
  Object.assign(mark.style, { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) });
  return mark;
}

export function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("too late")), DRAWN_WITHIN)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
