// The first question: it is put into the box of the chat page, narrowed to the collection that was chosen.

import { remember } from "./dom.js";
import { Drafts } from "./drafts.js";
import { Scope } from "./scope.js";

// The chat page leads back to the steps, in this tab.
for (const link of document.querySelectorAll('a[href="/"]')) link.addEventListener("click", () => remember("first-steps", "open"));

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-question]");
  if (!chosen) return;
  remember("first-steps", "open");
  new Drafts(document.body.dataset.person).put(null, chosen.dataset.question);
  new Scope().change({ collections: [chosen.dataset.collection] });
});
