// Finding one's own conversations by the words in them. The list makes way for what was found.

import { request } from "./api.js";
import { announce, el } from "./dom.js";
import { gettext, ngettext } from "./language.js";

const PAUSE_MS = 250; // after the last letter

export class ConversationSearch {
  constructor({ form, root, list, onOpen }) {
    Object.assign(this, { form, root, list, onOpen, asked: 0 });
    this.input = form.querySelector("input");
    this.input.addEventListener("input", () => this.#later());
    form.addEventListener("submit", (event) => (event.preventDefault(), this.#find()));
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.input.value) return;
      event.stopPropagation();
      this.input.value = "";
      this.#show(null);
    });
  }

  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#find(), PAUSE_MS);
  }

  async #find() {
    clearTimeout(this.timer);
    const words = this.input.value.trim();
    const asked = ++this.asked;
    if (!/[\p{L}\p{N}]/u.test(words)) return this.#show(null);
    try {
      const { results } = await request("GET", `/api/conversations/search/?${new URLSearchParams({ q: words })}`);
      if (asked === this.asked) this.#show(results);
    } catch (error) {
      if (asked === this.asked) this.#show([], `${error.message} ${error.advice}`);
    }
  }

  // null: nothing is looked for, and the list is back.
  #show(results, problem) {
    if (results === null) this.asked += 1;
    this.list.hidden = results !== null;
    this.root.hidden = results === null;
    if (results === null) return this.root.replaceChildren();
    const said = problem ?? (results.length ? null : gettext("No conversation has these words."));
    this.root.replaceChildren(said ? el("p", { class: "quiet-text" }, said) : el("ul", {}, ...results.map((one) => this.#item(one))));
    announce(said ?? ngettext("One conversation", "%(count)s conversations", results.length));
    this.root.scrollTop = 0;
  }

  #item({ conversation, message, snippet, marks }) {
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(conversation.id, message);
    };
    const title = conversation.title || gettext("New conversation");
    const words = message ? el("span", { class: "found-words", dir: "auto" }, ...marked(snippet, marks)) : null;
    return el("li", {}, el("a", { href: `/c/${conversation.id}/`, onclick: open }, el("span", { class: "found-title", dir: "auto" }, title,
      conversation.archived && el("span", { class: "badge" }, gettext("Archived"))), words));
  }
}

// Places are counted in code points, as the server counts.
export function marked(snippet, marks) {
  const letters = [...snippet];
  const parts = [];
  let at = 0;
  for (const [start, end] of marks) {
    parts.push(letters.slice(at, start).join(""), el("mark", {}, letters.slice(start, end).join("")));
    at = end;
  }
  return [...parts, letters.slice(at).join("")];
}
