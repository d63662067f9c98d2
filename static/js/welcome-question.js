// The first question: it is put into the box of the chat page, narrowed to the collection that was chosen.

import { Drafts } from "./drafts.js";
import { Scope } from "./scope.js";

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-question]");
  if (!chosen) return;
  new Drafts(document.body.dataset.person).put(null, chosen.dataset.question);
  new Scope().change({ collections: [chosen.dataset.collection] });
});
