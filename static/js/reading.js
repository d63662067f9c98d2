// Pages on which a branch is read: Markdown of answers becomes what it says, marks lead to their sources, and a button
// prints. Without this the words are there as they were written.

import { highlightCode } from "./highlight.js";
import { MarkdownView } from "./markdown.js";
import "./theme.js";

for (const body of document.querySelectorAll("[data-markdown]")) {
  const text = body.textContent;
  const { message, numbers } = body.dataset;
  const open = (number) => document.getElementById(`s-${message}-${number}`)?.focus();
  body.replaceChildren();
  new MarkdownView(body, open).render(text, new Set(numbers.split(" ").filter(Boolean).map(Number)));
  highlightCode(body);
}

document.querySelector("[data-print]")?.addEventListener("click", () => print());
