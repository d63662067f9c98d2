// What is to be taken elsewhere, such as a key or a link that is shown once, is copied with one press.

import { copyButton } from "./copying.js";

for (const shown of document.querySelectorAll("[data-to-copy]")) {
  (shown.closest("label") ?? shown).after(" ", copyButton(() => shown.value ?? shown.textContent, { class: "button small" }));
}
