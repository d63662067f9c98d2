// What can be done from the keyboard: the commands of the palette, their keys, and the page that names them all.

import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { explainModels } from "./engines.js";
import { gettext } from "./language.js";
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
  [KEYS.palette, gettext("Find a command or a conversation")],
  [KEYS.newChat, gettext("New chat")],
  [KEYS.write, gettext("Go to the question box")],
  [KEYS.quote, gettext("Quote what is selected in the question")],
  [KEYS.stop, gettext("Close what is open, or stop the answer")],
  ["Enter", gettext("Send the question")],
  [apple ? "⇧ Enter" : "Shift Enter", gettext("New line in the question")],
  [KEYS.help, gettext("Show these keys")],
];

const follow = (selector) => {
  const link = document.querySelector(selector);
  return link && !link.hidden ? () => link.click() : null;
};

// The menu of the open conversation, each entry by its name.
const here = ({ name, run, href, download }) => ({
  name, hint: gettext("This conversation"),
  run: run ?? (() => el("a", { href, download: download ? "" : null, target: download ? null : "_blank" }).click()),
});

// -> those that can be used now. `acts`: null where there is nothing to do; `menu`: entries of the open conversation
export function commandsOf(acts) {
  const all = [
    { name: gettext("New chat"), keys: KEYS.newChat, run: acts.newChat },
    { name: gettext("Stop the answer"), keys: KEYS.stop, run: acts.stop },
    { name: gettext("Answer again"), run: acts.regenerate },
    { name: gettext("Go to the question box"), keys: KEYS.write, run: acts.writeQuestion },
    { name: gettext("Jump to latest"), run: acts.jump },
    { name: gettext("Attach files to this chat"), run: acts.attach },
    { name: gettext("Temporary chat"), run: follow("#temporary") },
    ...acts.menu.map(here),
    { name: gettext("Pin, move, archive or delete this conversation"), hint: gettext("Menu"), run: acts.keep },
    { name: gettext("Select several conversations"), run: acts.selectSeveral },
    { name: gettext("New folder"), run: acts.newFolder },
    { name: gettext("Import conversations"), run: acts.importFile },
    { name: gettext("Shared conversations"), run: () => location.assign("/shared/") },
    { name: gettext("Archived conversations"), run: acts.showArchived },
    { name: gettext("Documents"), run: follow('a[href="/documents/"]') },
    { name: gettext("Feedback"), run: follow('a[href="/feedback/"]') },
    { name: gettext("Who can answer"), hint: gettext("Models"), run: isAdministrator() ? explainModels : null },
    { name: gettext("Light or dark theme"), run: follow("[data-theme-toggle]") },
    { name: gettext("Language"), run: follow("[popovertarget=languages]") },
    { name: gettext("Keyboard shortcuts"), keys: KEYS.help, run: explainKeys },
    { name: gettext("Administration"), run: follow('a[href="/admin/"]') },
    { name: gettext("Sign out"), run: follow('form[action="/accounts/logout/"] button') },
  ];
  return all.filter(({ run }) => run);
}

export function explainKeys() {
  if (document.querySelector("dialog[open]")) return;
  return openDialog(gettext("Keyboard shortcuts"), () =>
    el("form", { method: "dialog" },
      el("table", { class: "keys" }, el("tbody", {}, ...NAMED.map(([keys, what]) =>
        el("tr", {}, el("td", {}, ...keys.split(" ").map((key) => el("kbd", {}, key))), el("th", { scope: "row" }, what))))),
      el("div", { class: "dialog-actions" }, el("button", { class: "button primary", autofocus: true }, gettext("Close")))));
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
