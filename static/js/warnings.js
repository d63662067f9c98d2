// What an answer warns of, for its page and for copies of it, which leave the page. As chatapp/sharing/doubts.py has it.

import { hasQuotations, isQuoting, partsOf } from "./engines.js";
import { underlined } from "./grounding.js";
import { gettext, ngettext } from "./language.js";
import { asShown } from "./numbering.js";

// Of quotations, how sure the search is that the documents answer at all. Below the first they begin with a doubt
// (inference/engines/extractive.py); up to the second it is about as likely that they do not.
const DOUBTED = 0.3, SURE = 0.6;

// Quotations say in words where the documents hardly answer; in between it is said here. Empty: nothing is doubted.
function doubtOf(message) {
  const { sources, status } = message;
  const sure = sources?.find((one) => typeof one.confidence === "number")?.confidence;
  const parts = partsOf(message);
  if (status !== "complete" || !parts.some(hasQuotations) || !parts.every((one) => isQuoting(one.engine)) || sure === undefined || sure < DOUBTED || sure >= SURE) return "";
  return gettext("The documents may not answer this: the search is %(share)s sure that they do.", { share: `${Math.round(100 * sure)} %` });
}

// What stands under it. Empty: nothing.
export const warningOf = (message) => (message.unsupported?.length ? underlined(message.unsupported.length) : doubtOf(message));

// As it is shown, with its warning as a last line. Nothing is underlined in a copy, so the sentences are named.
export function toCopy(message) {
  const warning = unsupportedIn(message) || doubtOf(message);
  return warning ? `${asShown(message).trimEnd()}\n\n${warning}` : asShown(message);
}

function unsupportedIn({ text, unsupported }) {
  if (!unsupported?.length) return "";
  const characters = [...(text ?? "")];
  const plain = ([from, to]) => characters.slice(from, to).join("").replace(/\s*\[\d{1,3}\]/g, "").replace(/^\s*(?:\d{1,2}[.)]|[-*•#>|]+)\s+/, "").replace(/\s+/g, " ").trim();
  const words = ngettext("One sentence is not borne out: the passages that it names do not say so.", "%(count)s sentences are not borne out: the passages that they name do not say so.", unsupported.length);
  return [words, ...unsupported.map(plain).filter(Boolean).map((one) => `“${one}”`)].join(" ");
}
