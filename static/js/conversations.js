// The list of conversations: grouped by date, opened, renamed, deleted.

import { request } from "./api.js";
import { askForText, confirmWith } from "./dialogs.js";
import { announce, el, iconButton } from "./dom.js";

const PAGE = 50;
const DAY = 24 * 60 * 60 * 1000;

function group(date, now = new Date()) {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  if (date >= midnight) return "Today";
  if (date >= midnight - DAY) return "Yesterday";
  if (date >= midnight - 7 * DAY) return "Last 7 days";
  if (date >= midnight - 30 * DAY) return "Last 30 days";
  return new Date(date).toLocaleDateString(document.documentElement.lang || "en", { month: "long", year: "numeric" });
}

export class ConversationList {
  constructor({ root, onOpen, onGone }) {
    Object.assign(this, { root, onOpen, onGone, items: [], current: null });
    this.more = el("button", { type: "button", class: "button quiet small more", onclick: () => this.load(true) }, "Show older");
  }

  async load(older = false) {
    const before = older ? this.items.at(-1)?.updated_at : null;
    const query = new URLSearchParams({ limit: PAGE, ...(before ? { before } : {}) });
    try {
      const { conversations } = await request("GET", `/api/conversations/?${query}`);
      this.items = older ? [...this.items, ...conversations] : conversations;
      this.full = conversations.length < PAGE;
      this.paint();
    } catch (error) {
      this.root.replaceChildren(el("p", { class: "quiet-text" }, `${error.message} `,
        el("button", { type: "button", class: "link", onclick: () => this.load() }, "Try again")));
    }
  }

  touch(id, title) {
    const known = this.items.find((one) => one.id === id);
    this.items = this.items.filter((one) => one.id !== id);
    this.items.unshift({ ...known, id, title: title || known?.title || "", updated_at: new Date().toISOString() });
    this.paint();
  }

  select(id) {
    this.current = id;
    this.paint();
  }

  paint() {
    const restore = this.#focused();
    const groups = new Map();
    for (const item of this.items) {
      const name = group(Date.parse(item.updated_at));
      groups.set(name, [...(groups.get(name) ?? []), item]);
    }
    const sections = [...groups].map(([name, items]) =>
      el("section", {}, el("h3", {}, name), el("ul", {}, ...items.map((item) => this.#item(item)))));
    if (!sections.length) sections.push(el("p", { class: "quiet-text" }, "Your conversations will be listed here."));
    if (this.items.length && !this.full) sections.push(this.more);
    this.root.replaceChildren(...sections);
    restore?.();
  }

  // Painting makes all rows anew; the focus goes back to the same control of the same row.
  #focused() {
    const row = document.activeElement?.closest?.("[data-conversation]");
    if (!row || !this.root.contains(row)) return null;
    const at = [...row.children].indexOf(document.activeElement);
    return () => this.root.querySelector(`[data-conversation="${row.dataset.conversation}"]`)?.children[at]?.focus();
  }

  #item(item) {
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(item.id);
    };
    const title = item.title || (item.unreadable ? "Cannot be opened" : "New conversation");
    return el("li", { data: { conversation: item.id }, class: item.id === this.current ? "current" : "" },
      el("a", { href: `/c/${item.id}/`, onclick: open, dir: "auto", "aria-current": item.id === this.current ? "page" : null, title },
        title),
      iconButton("edit", "Rename", () => this.#rename(item), { "aria-label": `Rename ${title}` }),
      iconButton("trash", "Delete", () => this.#delete(item), { "aria-label": `Delete ${title}` }));
  }

  async #rename(item) {
    const title = await askForText("Rename the conversation", "Name", item.title);
    if (!title) return;
    await this.#try(async () => {
      await request("PATCH", `/api/conversations/${item.id}/`, { title });
      item.title = title;
      this.paint();
      this.onOpen(item.id, { titleOnly: title });
    });
  }

  async #delete(item) {
    const sure = await confirmWith("Delete this conversation?", `“${item.title || "New conversation"}” and its answers will be gone for good.`, "Delete");
    if (!sure) return;
    await this.#try(async () => {
      await request("DELETE", `/api/conversations/${item.id}/`);
      const at = this.items.findIndex((one) => one.id === item.id);
      this.items = this.items.filter((one) => one.id !== item.id);
      this.paint();
      announce("Deleted");
      const next = this.items[Math.min(Math.max(at, 0), this.items.length - 1)];
      if (next) this.root.querySelector(`[data-conversation="${next.id}"] a`)?.focus();
      this.onGone(item.id, !next);
    });
  }

  async #try(action) {
    try {
      await action();
    } catch (error) {
      this.root.querySelector(".notice")?.remove();
      this.root.prepend(el("p", { class: "notice problem", role: "alert" }, `${error.message} ${error.advice}`));
    }
  }
}
