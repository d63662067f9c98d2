// The list of conversations: pinned ones above, then by date; folders and the archive are views of it.

import { fetched, request } from "./api.js";
import { ConversationActs, titleOf } from "./conversation-acts.js";
import { announce, el, icon, iconButton } from "./dom.js";
import { deleteFolder, makeFolder, renameFolder } from "./folders.js";
import { LOCALE, gettext } from "./language.js";
import { openMenu } from "./menu.js";
import { Selecting } from "./selecting.js";

const PAGE = 50;
const MOST = 200; // of one answer
const DAY = 24 * 60 * 60 * 1000;
const EVERYTHING = { kind: "all" };

function group(date, now = new Date()) {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  if (date >= midnight) return gettext("Today");
  if (date >= midnight - DAY) return gettext("Yesterday");
  if (date >= midnight - 7 * DAY) return gettext("Last 7 days");
  if (date >= midnight - 30 * DAY) return gettext("Last 30 days");
  return new Date(date).toLocaleDateString(LOCALE, { month: "long", year: "numeric" });
}

export class ConversationList {
  // `more(item)`: -> further entries of its menu; `onChanged`: other tabs are to know; `tell(text, problem)`: said where
  // the list is out of sight
  constructor({ root, onOpen, onGone, onChanged = () => {}, more = () => [], tell = () => {} }) {
    Object.assign(this, { root, onOpen, onGone, tell, tellOthers: onChanged, current: null, view: EVERYTHING });
    Object.assign(this, { items: [], pinned: [], folders: [], archived: false });
    this.acts = new ConversationActs(this, more);
    this.selecting = new Selecting(this);
    this.more = el("button", { type: "button", class: "button quiet small more", onclick: () => this.#loadOlder() }, gettext("Show older"));
  }

  async #loadOlder() {
    const focused = document.activeElement === this.more;
    const known = this.items.length;
    this.more.disabled = true; // a second click would bring the same page once more
    await this.load(this.next);
    this.more.disabled = false;
    if (focused) this.focusRow(this.items[known]?.id);
  }

  // Again as many as are shown, or what is `older` than a moment.
  async load(older = null) {
    const { view } = this;
    const query = new URLSearchParams({ limit: older ? PAGE : Math.min(Math.max(this.items.length, PAGE), MOST) });
    if (older) query.set("before", older);
    if (view.kind === "archived") query.set("archived", "1");
    if (view.kind === "folder") query.set("folder", view.id);
    try {
      const [page, kept] = await Promise.all([
        request("GET", `/api/conversations/?${query}`), older ? null : request("GET", "/api/folders/"),
      ]);
      if (view === this.view && (!older || older === this.next)) this.#take(page, kept, older);
    } catch (error) {
      if (view.kind === "folder" && error.code === "not_found") return this.show(EVERYTHING); // it was deleted elsewhere
      this.root.replaceChildren(el("p", { class: "quiet-text" }, `${error.message} `,
        el("button", { type: "button", class: "link", onclick: () => this.load() }, gettext("Try again"))));
    }
  }

  #take({ conversations, pinned, next }, kept, older) {
    this.items = older ? [...this.items, ...conversations] : conversations;
    this.next = next;
    if (!older) this.pinned = pinned ?? [];
    if (kept) Object.assign(this, { folders: kept.folders, archived: kept.archived, shared: kept.shared });
    this.selecting.forgetOthers(this.shown());
    this.paint();
  }

  // Of everything, of a folder {kind, id, name}, or of the archive.
  show(view) {
    this.view = view;
    this.items = this.pinned = [];
    return this.load();
  }

  // In the order in which they stand on the page.
  shown() {
    return [...this.pinned, ...this.items];
  }

  find(id) {
    return this.shown().find((one) => one.id === id) ?? null;
  }

  named(id, title) {
    const item = this.find(id);
    if (!item || !title || item.title === title) return;
    item.title = title;
    this.paint();
  }

  // A question was asked in it: it is the newest, and in the archive no more.
  asked(id) {
    const known = this.find(id);
    if (known?.pinned) return void (known.updated_at = new Date().toISOString());
    this.items = this.items.filter((one) => one.id !== id);
    const here = this.view.kind === "all" || (this.view.kind === "folder" && known?.folder === this.view.id);
    if (here) this.items.unshift({ title: "", ...known, id, archived: false, updated_at: new Date().toISOString() });
    this.paint();
  }

  gone(ids) {
    const at = this.shown().findIndex((one) => ids.includes(one.id));
    const stays = (one) => !ids.includes(one.id);
    this.items = this.items.filter(stays);
    this.pinned = this.pinned.filter(stays);
    this.paint();
    const next = this.shown()[Math.min(Math.max(at, 0), this.shown().length - 1)];
    this.focusRow(next?.id);
    for (const id of ids) this.onGone(id, !next);
  }

  select(id) {
    this.current = id;
    this.paint();
  }

  focusRow(id) {
    this.root.querySelector(`[data-conversation="${id}"] a`)?.focus();
  }

  paint() {
    const restore = this.#focused();
    const parts = [this.selecting.on ? this.selecting.bar() : null, this.#heading(), ...this.#sections()].filter(Boolean);
    if (this.next) parts.push(this.more);
    if (this.view.kind === "all" && !this.selecting.on) parts.push(...this.#beside());
    this.root.replaceChildren(...parts);
    this.root.classList.toggle("with-boxes", this.selecting.on);
    restore?.();
    if (this.revealed !== this.current) this.#reveal();
  }

  // The open one, once, by moving this list alone: beside a phone's page it stands outside of the window.
  #reveal() {
    const row = this.root.querySelector("[data-conversation].current");
    if (this.current === null) this.revealed = null; // opened again, it is brought into view again
    if (!row) return;
    this.revealed = this.current;
    const { top, bottom } = row.getBoundingClientRect(), box = this.root.getBoundingClientRect();
    if (top < box.top) this.root.scrollTop -= box.top - top;
    else if (bottom > box.bottom) this.root.scrollTop += bottom - box.bottom;
  }

  #heading() {
    if (this.view.kind === "all") return null;
    const name = this.view.kind === "archived" ? gettext("Archived") : this.view.name;
    return el("div", { class: "view-head" },
      iconButton("left", gettext("All conversations"), () => this.show(EVERYTHING)), el("h3", { dir: "auto" }, name));
  }

  #sections() {
    const sections = [];
    if (this.pinned.length) sections.push(this.#section(gettext("Pinned"), this.pinned));
    if (this.view.kind === "all" && this.folders.length && !this.selecting.on) sections.push(this.#folders());
    const groups = new Map();
    for (const item of this.items) {
      const name = group(Date.parse(item.updated_at));
      groups.set(name, [...(groups.get(name) ?? []), item]);
    }
    sections.push(...[...groups].map(([name, items]) => this.#section(name, items)));
    if (!this.shown().length) sections.push(el("p", { class: "quiet-text" }, this.#nothing()));
    if (!this.shown().length && this.view.kind === "all") {
      sections.push(el("button", { type: "button", class: "beside", onclick: () => this.importFile() }, icon("download"), gettext("Import conversations")));
    }
    return sections;
  }

  #nothing() {
    if (this.view.kind === "archived") return gettext("Nothing is archived.");
    if (this.view.kind === "folder") return gettext("This folder is empty. Move conversations into it from their menus.");
    return gettext("Your conversations will be listed here.");
  }

  #section(name, items) {
    return el("section", {}, el("h3", {}, name), el("ul", {}, ...items.map((item) => this.#item(item))));
  }

  #folders() {
    return el("section", { class: "folders" }, el("h3", {}, gettext("Folders")),
      el("ul", {}, ...this.folders.map((folder) => this.#folder(folder))));
  }

  #folder(folder) {
    const name = folder.name || gettext("Cannot be opened");
    const show = () => this.show({ kind: "folder", id: folder.id, name });
    return el("li", { data: { conversation: `folder-${folder.id}` } },
      el("button", { type: "button", class: "folder", onclick: show, title: name },
        icon("folder"), el("span", { class: "folder-name", dir: "auto" }, name), el("span", { class: "count" }, String(folder.conversations))),
      this.#menuButton(name, () => [
        { name: gettext("Rename…"), run: () => this.#changeFolder(() => renameFolder(folder)) },
        { name: gettext("Delete…"), danger: true, run: () => this.#changeFolder(() => deleteFolder(folder)) },
      ]));
  }

  importFile() {
    return this.attempt(async () => (await fetched(import("./importing.js"))).importConversations(() => (this.load(), this.tellOthers())));
  }

  newFolder() {
    return this.#changeFolder(makeFolder);
  }

  #changeFolder(change) {
    return this.attempt(async () => {
      if (!(await change())) return;
      await this.load();
      this.tellOthers();
    });
  }

  #beside() {
    const { received, given } = this.shared ?? {};
    const name = received ? gettext("Shared with you") : gettext("What you have shared");
    const shared = (received || given) && el("a", { class: "beside", href: "/shared/" }, icon("people"), name);
    const links = [this.archived && this.#archiveLink(), shared].filter(Boolean);
    return links.length ? [el("div", { class: "beside-list" }, ...links)] : [];
  }

  #archiveLink() {
    return el("button", { type: "button", class: "beside", onclick: () => this.show({ kind: "archived" }) },
      icon("archive"), gettext("Archived conversations"));
  }

  // Painting makes all rows anew; the focus goes back to the same control of the same row.
  #focused() {
    const at = document.activeElement;
    if (!at || !this.root.contains(at)) return null;
    const row = at.closest("[data-conversation]");
    if (!row) return at.ariaLabel ? () => this.root.querySelector(`[aria-label="${CSS.escape(at.ariaLabel)}"]`)?.focus() : null;
    const place = [...row.children].indexOf(at);
    return () => this.root.querySelector(`[data-conversation="${row.dataset.conversation}"]`)?.children[place]?.focus();
  }

  #item(item) {
    const { selecting } = this;
    const open = (event) => {
      if (selecting.on) return event.preventDefault(), selecting.toggle(item.id, event.shiftKey);
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(item.id);
    };
    const title = titleOf(item);
    const current = item.id === this.current;
    return el("li", { data: { conversation: item.id }, class: [current && "current", selecting.chosen.has(item.id) && "chosen"].filter(Boolean).join(" ") },
      selecting.on && selecting.box(item),
      el("a", { href: `/c/${item.id}/`, onclick: open, dir: "auto", "aria-current": current ? "page" : null, title, tabindex: selecting.on ? "-1" : null }, title),
      !selecting.on && this.#menuButton(title, () => this.acts.entries(item)));
  }

  #menuButton(name, entries) {
    const label = gettext("More about %(name)s", { name });
    const button = iconButton("more", label, () => openMenu(button, entries(), label),
      { title: gettext("More"), "aria-haspopup": "menu", "aria-expanded": "false" });
    return button;
  }

  // -> whether it went well; what went wrong is said above the list.
  async attempt(action) {
    try {
      await action();
      return true;
    } catch (error) {
      const words = `${error.message} ${error.advice ?? ""}`;
      this.root.querySelector(".notice")?.remove();
      this.root.prepend(el("p", { class: "notice problem", role: "alert" }, words));
      if (!this.#isSeen()) this.tell(words, true);
      return false;
    }
  }

  said(words) {
    announce(words);
    if (!this.#isSeen()) this.tell(words, false);
  }

  #isSeen() {
    return this.root.checkVisibility?.({ visibilityProperty: true }) ?? true;
  }
}
