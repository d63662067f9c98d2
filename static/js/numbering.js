// What the marks of an answer show. An answer names its passages by their places among all that were found; readers see
// 1, 2, 3 in the order in which the marks come. This is the one place that knows of both.

const CODE = /```[^]*?(?:```|$)|`[^`\n]*`/g;
const MARK = /\[(\d{1,3})\](?!\()/g;

// -> the number on the wire to the number shown. What the text does not name (yet) comes behind, in its own order; as
// an answer grows, the numbers of what it named before stay.
export function numbersOf({ text, sources, citations }) {
  const known = new Set([...(sources ?? []), ...(citations ?? [])].map((one) => one.number));
  const named = [...(text ?? "").replace(CODE, "").matchAll(MARK)].map(([, digits]) => Number(digits)).filter((one) => known.has(one));
  const order = new Set([...named, ...[...known].sort((a, b) => a - b)]);
  return new Map([...order].map((number, place) => [number, place + 1]));
}

// The text with its marks as they are shown: for copies and announcements, which leave the page.
export function asShown(message) {
  const numbers = numbersOf(message);
  const outside = (part) => part.replace(MARK, (mark, digits) => (numbers.has(Number(digits)) ? `[${numbers.get(Number(digits))}]` : mark));
  const parts = (message.text ?? "").split(new RegExp(`(${CODE.source})`, "g"));
  return parts.map((part, place) => (place % 2 ? part : outside(part))).join("");
}
