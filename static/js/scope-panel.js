// The control at the box one writes in that says what is searched, and the panel in which that is chosen.

import { announce, el, icon } from "./dom.js";
import { gettext, number, said } from "./language.js";

const LOOK_FOR = 9; // from so many collections on, there is a box to find one

export class ScopePanel {
  constructor({ scope, place, panel, button, chips, onClosed }) {
    Object.assign(this, { scope, place, panel, button, chips, onClosed });
    button.addEventListener("click", () => (this.open ? this.close() : this.show()));
    for (const part of [panel, button]) {
      part.addEventListener("keydown", (event) => event.key === "Escape" && this.open && (event.stopPropagation(), this.close()));
    }
    for (const kind of ["pointerdown", "focusin"]) {
      document.addEventListener(kind, ({ target }) => this.open && !place.contains(target) && this.close({ back: false }));
    }
    scope.addEventListener("changed", () => this.#paintControl());
    this.#paintControl();
  }

  get open() {
    return !this.panel.hidden;
  }

  async show() {
    this.panel.hidden = false;
    this.button.ariaExpanded = "true";
    this.panel.replaceChildren(this.#heading(), el("p", { class: "quiet-text", role: "status" }, gettext("Loading…")));
    this.panel.querySelector("h2").focus();
    try {
      await this.scope.load();
      if (this.open) this.#paint();
    } catch (error) {
      this.panel.querySelector("[role=status]").textContent = `${error.message} ${error.advice ?? ""}`;
    }
  }

  close({ back = true } = {}) {
    this.panel.hidden = true;
    this.button.ariaExpanded = "false";
    if (back) this.button.focus();
  }

  #paintControl() {
    const parts = this.scope.parts();
    const all = gettext("All documents");
    this.button.querySelector("[data-words]").textContent = parts.length ? gettext("Search in:") : all;
    this.button.setAttribute("aria-label", gettext("Search in: %(scope)s. Change", { scope: parts.map((one) => one.words).join(", ") || all }));
    const focused = [...this.chips.querySelectorAll("button")].indexOf(document.activeElement);
    this.chips.hidden = !parts.length;
    this.chips.replaceChildren(...parts.map(({ words, without }) => el("li", {}, el("span", { class: "chip-words", title: words, dir: "auto" }, words),
      el("button", { type: "button", "aria-label": gettext("No longer only: %(scope)s", { scope: words }), onclick: () => this.#without(words, without) }, icon("close")))));
    if (focused >= 0) ([...this.chips.querySelectorAll("button")].at(Math.min(focused, parts.length - 1)) ?? this.button).focus();
  }

  #without(words, without) {
    this.scope.change(without);
    announce(gettext("No longer only: %(scope)s", { scope: words }));
    if (this.open) this.#paint({ focus: false });
  }

  #heading() {
    return el("h2", { id: "scope-heading", tabindex: "-1" }, gettext("Search in"));
  }

  #paint({ focus = true } = {}) {
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.id : null;
    this.panel.replaceChildren(this.#heading(), ...[this.#collections(), this.#kinds(), this.#days(), this.#path()].filter(Boolean),
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button small quiet", onclick: () => this.#clear() }, gettext("Clear all")),
        el("button", { type: "button", class: "button small primary", onclick: () => (this.close({ back: false }), this.onClosed()) }, gettext("Done"))));
    const again = focused && this.panel.querySelector(`#${CSS.escape(focused)}`);
    if (focus) (again || this.panel.querySelector("h2")).focus();
  }

  #clear() {
    this.scope.clear();
    this.#paint();
    announce(gettext("All documents are searched."));
  }

  #collections() {
    const { collections } = this.scope.choices;
    if (collections.length < 2 && !this.scope.chosen.collections.length) return null;
    const list = el("ul", { class: "scope-list" });
    const all = this.#box(gettext("All collections"), "", () => this.scope.chosen.collections.length === 0, (box) => {
      box.checked = true; // nothing chosen is everything: it is left by choosing one
      this.#choose("collections", [], list);
    });
    const rows = collections.map((one) => {
      const chosen = () => this.scope.chosen.collections.includes(one.id);
      return this.#box(one.name, number(one.documents), chosen, (box) => this.#toggle("collections", [one.id], box.checked, list));
    });
    list.append(all, ...rows);
    return this.#group(gettext("Collections"), collections.length >= LOOK_FOR && this.#finder(rows), list);
  }

  #finder(rows) {
    const find = ({ target }) => {
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(target.value.trim().toLowerCase());
    };
    return el("input", { type: "search", class: "scope-find", placeholder: gettext("Find a collection"), "aria-label": gettext("Find a collection"), oninput: find, dir: "auto" });
  }

  #kinds() {
    const { kinds } = this.scope.choices;
    if (kinds.length < 2 && !this.scope.chosen.types.length) return null;
    const list = el("ul", { class: "scope-kinds" });
    list.append(...kinds.map((kind) => {
      const chosen = () => kind.types.some((type) => this.scope.chosen.types.includes(type));
      return this.#box(said(kind.name), number(kind.documents), chosen, (box) => this.#toggle("types", kind.types, box.checked, list));
    }));
    return this.#group(gettext("Type of file"), list);
  }

  #days() {
    const day = (name, label) => {
      const value = this.scope.chosen[name].slice(0, 10);
      const set = ({ target }) => target.validity.valid && this.scope.change({ [name]: target.value });
      return el("label", {}, label, el("input", { type: "date", id: `scope-${name}`, value, max: "9998-12-31", onchange: set }));
    };
    return this.#group(gettext("Date of the document"), el("div", { class: "scope-days" }, day("since", gettext("From")), day("until", gettext("Until"))));
  }

  #path() {
    const set = ({ target }) => this.scope.change({ path: target.value.trim() });
    return el("label", { class: "scope-path" }, gettext("Path begins with"),
      el("input", { type: "text", id: "scope-path", value: this.scope.chosen.path, maxlength: 1000, placeholder: "reports/2026/", spellcheck: "false", autocapitalize: "none", oninput: set, dir: "auto" }));
  }

  #group(name, ...parts) {
    return el("fieldset", {}, el("legend", {}, name), ...parts.filter(Boolean));
  }

  #box(name, count, chosen, onChange) {
    const box = el("input", { type: "checkbox", onchange: ({ target }) => onChange(target) });
    box.checked = chosen();
    box.again = () => (box.checked = chosen());
    return el("li", {}, el("label", { title: name }, box, el("span", { class: "scope-name", dir: "auto" }, name), count && el("span", { class: "scope-count" }, count)));
  }

  #toggle(name, values, on, list) {
    const others = this.scope.chosen[name].filter((one) => !values.includes(one));
    this.#choose(name, on ? [...others, ...values] : others, list);
  }

  #choose(name, values, list) {
    this.scope.change({ [name]: values });
    for (const box of list.querySelectorAll("input")) box.again();
  }
}
