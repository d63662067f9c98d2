// The page in the frame of a widget: speaks with the page around it, and loads the chat once it is opened.

import { gettext } from "./language.js";

const { origin, title, accent, side } = document.body.dataset;
const framed = parent !== window;
const area = document.getElementById("question");
let chat = null;

// To pages of that origin alone: a browser delivers it to no other.
const tell = (what, more = {}) => framed && parent.postMessage({ footnote: what, ...more }, origin);

// Black or white, whichever stands out more (WCAG 2.2, relative luminance).
function inkOn(colour) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
}

const loaded = () => (chat ??= import("./widget-chat.js"));

async function open() {
  area.focus();
  (await loaded()).opened();
}

// Also what is sent before the chat is loaded.
async function submit(event) {
  event.preventDefault();
  (await loaded()).submit();
}

addEventListener("message", (event) => {
  if (event.source !== parent || event.origin !== origin || !event.data) return;
  if (event.data.footnote === "open") open();
});

area.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
});
document.getElementById("composer").addEventListener("submit", submit);

const close = () => tell("close");
document.getElementById("close").addEventListener("click", close);
document.getElementById("close").hidden = !framed;
// Behind the source panel and a list of choices, which close themselves first.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) close();
});

document.documentElement.style.setProperty("--head", accent);
document.documentElement.style.setProperty("--head-ink", inkOn(accent));
const { lang, dir } = document.documentElement;
tell("ready", { title, accent, side, lang, dir, ink: inkOn(accent), open: gettext("Open the chat: %(title)s", { title }), close: gettext("Close the chat") });
if (!framed) open();
