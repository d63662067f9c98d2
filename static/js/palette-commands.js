// What can be done from the keyboard: the commands of the palette, their keys, and the page that names them all.

import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { explainModels } from "./engines.js";
import { isAdministrator } from "./person.js";

const apple = /Mac|iPhone|iPad/.test(navigator.platform ?? "");
const withControl = (key) => (apple ? `⌘ ${key}` : `Ctrl ${key}`);

const KEYS = {
  palette: withControl("K"),
  help: withControl("/"),
  newChat: withControl(apple ? "⇧ O" : "Shift O"),
  quote: withControl(apple ? "⇧ ." : "Shift ."),
  write: apple ? "⇧ Esc" : "Shift Esc",
  stop: "Esc",
};
const NAMED = [
  [KEYS.palette, "Find a command or a conversation"],
  [KEYS.newChat, "New chat"],
  [KEYS.write, "Go to the question box"],
  [KEYS.quote, "Quote what is selected in the question"],
  [KEYS.stop, "Close what is open, or stop the answer"],
  ["Enter", "Send the question"],
  [apple ? "⇧ Enter" : "Shift Enter", "New line in the question"],
  [KEYS.help, "Show these keys"],
];

const follow = (selector) => {
  const link = document.querySelector(selector);
  return link ? () => link.click() : null;
};

// -> those that can be used now. `acts`: {newChat, stop, regenerate, writeQuestion, jump}, null where there is nothing to do
export function commandsOf(acts) {
  const all = [
    { name: "New chat", keys: KEYS.newChat, run: acts.newChat },
    { name: "Stop the answer", keys: KEYS.stop, run: acts.stop },
    { name: "Answer again", run: acts.regenerate },
    { name: "Go to the question box", keys: KEYS.write, run: acts.writeQuestion },
    { name: "Jump to latest", run: acts.jump },
    { name: "Documents", run: follow('a[href="/documents/"]') },
    { name: "Who can answer", hint: "Models", run: isAdministrator() ? explainModels : null },
    { name: "Light or dark theme", run: follow("[data-theme-toggle]") },
    { name: "Keyboard shortcuts", keys: KEYS.help, run: explainKeys },
    { name: "Administration", run: follow('a[href="/admin/"]') },
  ];
  return all.filter(({ run }) => run);
}

export function explainKeys() {
  if (document.querySelector("dialog[open]")) return;
  return openDialog("Keyboard shortcuts", () =>
    el("form", { method: "dialog" },
      el("table", { class: "keys" }, el("tbody", {}, ...NAMED.map(([keys, what]) =>
        el("tr", {}, el("td", {}, ...keys.split(" ").map((key) => el("kbd", {}, key))), el("th", { scope: "row" }, what))))),
      el("div", { class: "dialog-actions" }, el("button", { class: "button primary", autofocus: true }, "Close"))));
}

// Each needs Ctrl, Cmd or Shift with Escape, so that no letter that somebody types or dictates does anything.
export function bindKeys({ palette, help, newChat, write, quote }) {
  document.addEventListener("keydown", (event) => {
    const act = actOf(event, { palette, help, newChat, write, quote });
    if (!act || event.isComposing || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }, { capture: true });
}

function actOf(event, acts) {
  const control = apple ? event.metaKey : event.ctrlKey;
  const key = event.key.toLowerCase();
  if (control && !event.shiftKey && key === "k") return acts.palette;
  if (document.querySelector("dialog[open]")) return null;
  if (control && event.code === "Slash") return acts.help;
  if (control && event.shiftKey && key === "o") return acts.newChat;
  if (control && event.shiftKey && event.code === "Period") return acts.quote;
  if (event.shiftKey && event.key === "Escape") return acts.write;
  return null;
}
