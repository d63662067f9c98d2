// Selecting several conversations: boxes before the rows, and a bar that says what to do with them.

import { MOST_AT_ONCE, titleOf } from "./conversation-acts.js";
import { announce, el, iconButton } from "./dom.js";
import { gettext, ngettext } from "./language.js";

export class Selecting {
  constructor(list) {
    this.list = list;
    this.on = false;
    this.chosen = new Set();
    this.last = null; // where a range begins
    list.root.addEventListener("keydown", (event) => this.on && this.#key(event));
  }

  begin(id = null) {
    this.on = true;
    this.chosen = new Set(id ? [id] : []);
    this.last = id;
    this.list.paint();
    (this.#box(id) ?? this.list.root.querySelector('[data-conversation] input[type="checkbox"]'))?.focus();
    announce(gettext("Select conversations; Escape ends it"));
  }

  end() {
    const at = this.last;
    this.on = false;
    this.chosen.clear();
    this.list.paint();
    this.list.focusRow(at);
  }

  // What is not shown any more is not meant any more.
  forgetOthers(shown) {
    const there = new Set(shown.map((one) => one.id));
    for (const id of this.chosen) if (!there.has(id)) this.chosen.delete(id);
  }

  bar() {
    const count = this.chosen.size;
    const items = () => this.list.shown().filter((one) => this.chosen.has(one.id));
    const act = (run) => async () => (await run(items())) && this.end();
    const { acts } = this.list;
    const none = count === 0;
    const back = items().length > 0 && items().every((one) => one.archived);
    return el("div", { class: "selecting", role: "toolbar", "aria-label": gettext("What is selected") },
      el("p", { role: "status" }, ngettext("One selected", "%(count)s selected", count)),
      iconButton("close", gettext("Stop selecting"), () => this.end(), { class: "icon-button stop" }),
      el("button", { type: "button", class: "button small", disabled: none, onclick: act((some) => acts.archive(some)) }, back ? gettext("Bring back") : gettext("Archive")),
      el("button", { type: "button", class: "button small", disabled: none, onclick: act((some) => acts.move(some)) }, gettext("Move…")),
      el("button", { type: "button", class: "button small danger", disabled: none, onclick: act((some) => acts.remove(some)) }, gettext("Delete…")));
  }

  box(item) {
    const title = titleOf(item);
    return el("input", { type: "checkbox", checked: this.chosen.has(item.id), "aria-label": gettext("Select %(name)s", { name: title }),
      onclick: (event) => this.toggle(item.id, event.shiftKey) });
  }

  // With Shift, all from the last one to this one become what this one becomes.
  toggle(id, range = false) {
    const on = !this.chosen.has(id);
    const ids = this.list.shown().map((one) => one.id);
    const [from, to] = [ids.indexOf(this.last), ids.indexOf(id)].sort((a, b) => a - b);
    for (const one of range && from >= 0 ? ids.slice(from, to + 1) : [id]) this.#set(one, on);
    this.last = id;
    this.list.paint();
  }

  #set(id, on) {
    if (!on) this.chosen.delete(id);
    else if (this.chosen.size < MOST_AT_ONCE) this.chosen.add(id);
    else announce(gettext("No more than %(most)s can be selected at once", { most: MOST_AT_ONCE }));
  }

  #box(id) {
    return id && this.list.root.querySelector(`[data-conversation="${id}"] input[type="checkbox"]`);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const control = event.ctrlKey || event.metaKey;
    if (event.key === "Escape") this.end();
    else if (control && event.key.toLowerCase() === "a") this.#all();
    else if (step) this.#step(step, event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #all() {
    for (const { id } of this.list.shown()) this.#set(id, true);
    this.list.paint();
  }

  // With Shift, the one that the focus leaves and the one it comes to are selected.
  #step(step, selects) {
    const ids = this.list.shown().map((one) => one.id);
    const at = document.activeElement.closest("[data-conversation]")?.dataset.conversation;
    const next = ids[ids.indexOf(at) + step];
    if (!next) return;
    if (selects) {
      for (const one of [at, next]) if (one) this.#set(one, true);
      this.last = next;
      this.list.paint();
    }
    this.#box(next)?.focus();
  }
}
