// Pages on which a branch is read: Markdown of answers becomes what it says, marks lead to their sources, and a button
// prints. Without this the words are there as they were written.

import { markUnsupported, underlined } from "./grounding.js";
import { highlightCode } from "./highlight.js";
import { MarkdownView } from "./markdown.js";
import { numbersOf } from "./numbering.js";
import "./theme.js";

// The list of sources follows the marks. It is numbered by their places until then.
function renumber(entry, place) {
  if (!entry) return;
  entry.value = place;
  const sign = entry.querySelector(".number");
  if (sign) sign.textContent = place;
  entry.parentElement.append(entry);
}

// The sentence below says how many there are. That they are underlined it says where they are.
function underline(body, text, places) {
  markUnsupported(body, text, places);
  const note = body.parentElement.querySelector(":scope > .grounding");
  if (body.querySelector(".unsupported")) note.textContent = underlined(places.length);
}

for (const body of document.querySelectorAll("[data-markdown]")) {
  const text = body.textContent;
  const { message, numbers } = body.dataset;
  const open = (number) => document.getElementById(`s-${message}-${number}`)?.focus();
  const shown = numbersOf({ text, citations: numbers.split(" ").filter(Boolean).map((one) => ({ number: Number(one) })) });
  body.replaceChildren();
  new MarkdownView(body, open).render(text, shown);
  for (const [number, place] of shown) renumber(document.getElementById(`s-${message}-${number}`), place);
  if (body.dataset.places) underline(body, text, JSON.parse(body.dataset.places));
  highlightCode(body);
}

document.querySelector("[data-print]")?.addEventListener("click", () => print());
