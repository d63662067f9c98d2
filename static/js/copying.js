// A button that copies what stands beside it, and says so.

import { announce, copyWords, el } from "./dom.js";
import { gettext } from "./language.js";

const SAID_MS = 1500;

// `words`: gives what is copied; `name`: what stands on the button.
export function copyButton(words, props = {}, name = gettext("Copy")) {
  let timer = null;
  const button = el("button", { type: "button", class: "link", ...props, onclick: async () => {
    await copyWords(words(), button);
    announce(gettext("Copied"));
    button.textContent = gettext("Copied");
    clearTimeout(timer);
    timer = setTimeout(() => (button.textContent = name), SAID_MS);
  } }, name);
  return button;
}
