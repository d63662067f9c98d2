// What the page says, in the reader's language. The English texts are the keys; those of another language come with the
// catalog, a script in the page's head (chatapp/languages). Numbers and dates are said by the browser.

const catalog = () => globalThis.django ?? {};

export const LANGUAGE = document.documentElement.lang || "en";
export const LOCALE = `${LANGUAGE}-u-nu-latn`; // the digits that the server writes too
const VALUE = /%\((\w+)\)s/g;
const LONGEST = 1000; // characters; nothing longer is a sentence of ours

const rightToLeft = document.documentElement.dir === "rtl";

// Names keep their own direction in a sentence of the other one.
const apart = (value) => (rightToLeft && typeof value === "string" ? `\u2068${value}\u2069` : value);
const filled = (text, values) => text.replace(VALUE, (_, name) => apart(values[name] ?? ""));

// `values` stand where the text has %(name)s.
export function gettext(text, values = {}) {
  return filled(catalog().gettext?.(text) ?? text, values);
}

// The count stands where the text has %(count)s.
export function ngettext(one, many, count, values = {}) {
  return filled(catalog().ngettext?.(one, many, count) ?? (count === 1 ? one : many), { count: number(count), ...values });
}

export function number(value, digits) {
  return new Intl.NumberFormat(LOCALE, digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

// "3 Nov 2026"; `options` as Intl.DateTimeFormat has them.
export function day(date, options = {}) {
  return date.toLocaleDateString(LANGUAGE === "en" ? "en-GB" : LOCALE, { day: "numeric", month: "short", year: "numeric", ...options });
}

export function time(date, options = {}) {
  return date.toLocaleTimeString(LANGUAGE === "en" ? [] : LOCALE, { hour: "2-digit", minute: "2-digit", ...options });
}

// A sentence that the server made, which is English; as it is where no translation is known.
export function said(text) {
  if (LANGUAGE === "en" || typeof text !== "string" || text.length > LONGEST) return text;
  return known(text) ?? text.split(/(?<=[.!?]) /).map((one) => known(one) ?? one).join(" ");
}

function known(text) {
  if (Object.hasOwn(catalog().catalog ?? {}, text)) return gettext(text);
  for (const pattern of patterns()) {
    const found = valuesIn(text, pattern);
    if (found) return gettext(pattern.template, found);
  }
  return null;
}

// As chatapp/languages/said.py does it: each value as short as it can be and within one sentence, without going back.
function valuesIn(text, { names, around }) {
  const first = around[0];
  const last = around.at(-1);
  if (!text.startsWith(first) || !text.endsWith(last)) return null;
  const end = text.length - last.length;
  const values = {};
  let at = first.length;
  for (const [place, name] of names.entries()) {
    const isLast = place === names.length - 1;
    const stop = isLast ? end : text.indexOf(around[place + 1], at + 1);
    if (stop <= at || stop > end || text.slice(at, stop + 1).includes(". ")) return null;
    values[name] = text.slice(at, stop);
    at = stop + around[place + 1].length;
  }
  return values;
}

let made = null;

function patterns() {
  made ??= (catalog().said ?? []).map((template) => {
    const parts = template.split(VALUE); // text, name, text, name, … text
    return { template, names: parts.filter((_, place) => place % 2), around: parts.filter((_, place) => !(place % 2)) };
  });
  return made;
}
