// The button that turns light to dark and back. Without a choice, the system decides.

import { remember } from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const current = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  const paint = () => button.setAttribute("aria-label", current() === "dark" ? "Use the light theme" : "Use the dark theme");
  paint();
  dark.addEventListener("change", paint);
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = current() === "dark" ? "light" : "dark";
    remember("theme", document.documentElement.dataset.theme, localStorage);
    paint();
  });
}
