// Where a quotation stands on the page of a PDF: its letters are looked for among those that the page draws.

const MOST_PIECES = 50_000;
const NEAR = 0.01; // of the page: how far outside its box a piece of text may begin
const BELOW = 0.22; // of a line's height, for letters that reach below the line

// -> boxes like those of the passage, one for each piece of a line; none where the words are not found. `within`: boxes.
export async function boxesOfQuote(page, quotes, within) {
  const wanted = quotes.map((quote) => lettersOf((quote ?? "").replace(/^[…\s]+|[…\s]+$/g, "")).join("")).filter(Boolean);
  if (!wanted.length) return [];
  const { items } = await page.getTextContent();
  const view = page.getViewport({ scale: 1 });
  const pieces = items.slice(0, MOST_PIECES).filter((item) => item.str?.trim() && inside(boxOf(item, view, 0, 1), within));
  const letters = [], places = [];
  for (const piece of pieces) {
    const all = [...piece.str];
    all.forEach((letter, at) => lettersOf(letter).forEach((one) => (letters.push(one), places.push([piece, at / all.length, (at + 1) / all.length]))));
  }
  const text = letters.join(""); // each of one code unit, so that places in both are the same
  for (const quote of wanted) {
    const begin = text.indexOf(quote);
    if (begin >= 0) return joined(places.slice(begin, begin + quote.length)).map(([piece, from, to]) => [page.pageNumber, ...boxOf(piece, view, from, to)]);
  }
  return [];
}

// What is left when spaces, hyphens at line ends and the forms of letters make no difference.
function lettersOf(text) {
  return text.normalize("NFKC").toLowerCase().replace(/[\s\u00ad\u2010\u2011-]+/gu, "").split("");
}

function joined(places) {
  const found = new Map();
  for (const [piece, from, to] of places) found.set(piece, [Math.min(from, found.get(piece)?.[0] ?? 1), Math.max(to, found.get(piece)?.[1] ?? 0)]);
  return [...found].map(([piece, [from, to]]) => [piece, from, to]);
}

// A part of a piece, in fractions of the page as it is shown: [left, top, right, bottom].
function boxOf({ transform: [a, b, c, d, x, y], width, height }, view, from, to) {
  const along = [a, b].map((part) => (part / (Math.hypot(a, b) || 1)) * width);
  const up = [c, d].map((part) => (part / (Math.hypot(c, d) || 1)) * height);
  const corners = [[from, -BELOW], [to, -BELOW], [from, 1 - BELOW], [to, 1 - BELOW]].map(([right, top]) =>
    view.convertToViewportPoint(x + right * along[0] + top * up[0], y + right * along[1] + top * up[1]));
  const [across, down] = [corners.map(([left]) => left / view.width), corners.map(([, top]) => top / view.height)];
  return [Math.min(...across), Math.min(...down), Math.max(...across), Math.max(...down)];
}

function inside([left, top, right, bottom], boxes) {
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return !boxes.length || boxes.some(([, l, t, r, b]) => x > l - NEAR && x < r + NEAR && y > t - NEAR && y < b + NEAR);
}
