// The button that turns light to dark and back. Without a choice, the system decides. Beside it, the languages.

import { remember } from "./dom.js";
import { gettext } from "./language.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const current = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  const paint = () => button.setAttribute("aria-label", current() === "dark" ? gettext("Use the light theme") : gettext("Use the dark theme"));
  paint();
  dark.addEventListener("change", paint);
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = current() === "dark" ? "light" : "dark";
    remember("theme", document.documentElement.dataset.theme, localStorage);
    paint();
  });
}

// The page may have gone to another conversation since it was loaded.
document.getElementById("languages")?.addEventListener("submit", ({ target }) => {
  target.elements.next.value = location.pathname + location.search + location.hash;
});
