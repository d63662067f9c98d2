// The command palette: one box in which every command and every conversation is found by its name.

import { el } from "./dom.js";
import { gettext, ngettext } from "./language.js";

const MOST_SHOWN = 40;

// Letters alone, without their accents, so that "Ubersicht" finds "Übersicht".
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// What holds all words that were typed, what begins with them first.
export function matching(entries, typed) {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  const found = entries.filter(({ name }) => words.every((word) => plain(name).includes(word)));
  const begins = ({ name }) => (words.length && plain(name).startsWith(words[0]) ? 0 : 1);
  return found.map((entry, index) => ({ entry, index })).sort((a, b) => begins(a.entry) - begins(b.entry) || a.index - b.index)
    .map(({ entry }) => entry).slice(0, MOST_SHOWN);
}

export class Palette {
  // `commands()`: -> {name, hint, keys, run}, those that can be used now; `conversations()`: -> {id, title}
  constructor({ commands, conversations, onOpen }) {
    Object.assign(this, { commands, conversations, onOpen });
  }

  open() {
    if (document.querySelector("dialog[open]")) return;
    this.entries = [
      ...this.commands(),
      ...this.conversations().map(({ id, title }) => ({ name: title || gettext("New conversation"), hint: gettext("Conversation"), run: () => this.onOpen(id) })),
    ];
    this.#build();
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#show("");
  }

  #build() {
    this.list = el("ul", { role: "listbox", id: "palette-list", "aria-label": gettext("Commands and conversations") });
    this.input = el("input", { type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
      "aria-label": gettext("Find a command or a conversation"), placeholder: gettext("Find a command or a conversation"), autocomplete: "off", spellcheck: "false", dir: "auto", maxlength: 200, autofocus: true });
    this.count = el("p", { class: "visually-hidden", role: "status" });
    this.nothing = el("p", { class: "quiet-text", hidden: true }, gettext("Nothing has this name."));
    this.dialog = el("dialog", { class: "dialog palette", "aria-label": gettext("Commands") }, this.input, this.list, this.nothing, this.count);
    this.input.addEventListener("input", () => this.#show(this.input.value));
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
    this.list.addEventListener("click", (event) => this.#run(this.options.indexOf(event.target.closest("li"))));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.dialog.remove());
  }

  #show(typed) {
    this.shown = matching(this.entries, typed);
    this.options = this.shown.map(({ name, hint, keys }, index) =>
      el("li", { role: "option", id: `palette-${index}`, "aria-selected": "false" },
        el("span", { class: "palette-name", dir: "auto" }, name),
        keys ? el("kbd", {}, keys) : hint ? el("span", { class: "palette-hint" }, hint) : null));
    this.list.replaceChildren(...this.options);
    this.nothing.hidden = this.shown.length > 0;
    this.list.hidden = !this.shown.length;
    this.count.textContent = ngettext("One entry", "%(count)s entries", this.shown.length);
    this.#select(0);
  }

  #select(index) {
    this.options[this.at]?.setAttribute("aria-selected", "false");
    this.at = index;
    const option = this.options[index];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.isComposing || !this.options.length) return;
    const last = this.options.length - 1;
    if (event.key === "ArrowDown") this.#select(this.at === last ? 0 : this.at + 1);
    else if (event.key === "ArrowUp") this.#select(this.at === 0 ? last : this.at - 1);
    else if (event.key === "PageDown") this.#select(Math.min(last, this.at + 8));
    else if (event.key === "PageUp") this.#select(Math.max(0, this.at - 8));
    else if (event.key === "Enter") this.#run(this.at);
    else return;
    event.preventDefault();
  }

  // Closed first: the browser gives the focus back, from where the command may take it on.
  #run(index) {
    const chosen = this.shown[index];
    if (!chosen) return;
    this.dialog.close();
    chosen.run();
  }
}
