// A small menu that a button opens: arrows, Home, End and first letters move in it, Escape and Tab close it.

import { el } from "./dom.js";

const GAP = 4;
let open = null;

// `entries`: {name, run} or {name, href} (a download or a page of its own), with `danger`; null for none.
export function openMenu(button, entries, label) {
  open?.close();
  open = new Menu(button, entries.filter(Boolean), label);
}

class Menu {
  constructor(button, entries, label) {
    this.button = button;
    this.items = entries.map((entry) => this.#item(entry));
    this.node = el("ul", { class: "menu", role: "menu", "aria-label": label, popover: "auto" }, ...this.items.map((item) => el("li", { role: "none" }, item)));
    this.node.addEventListener("keydown", (event) => this.#key(event));
    this.node.addEventListener("toggle", (event) => event.newState === "closed" && this.#gone());
    (button.closest("aside, main") ?? document.body).append(this.node); // a landmark, which is not painted anew
    this.node.showPopover();
    this.#place();
    button.setAttribute("aria-expanded", "true");
    this.items[0]?.focus({ preventScroll: true });
  }

  #item({ name, run, href, download, danger }) {
    const look = danger ? "danger" : null;
    const act = (event) => {
      event.stopPropagation();
      this.close();
      run?.();
    };
    if (href) return el("a", { role: "menuitem", tabindex: "-1", class: look, href, download: download ? "" : null, target: download ? null : "_blank", onclick: act }, name);
    return el("button", { type: "button", role: "menuitem", tabindex: "-1", class: look, onclick: act }, name);
  }

  // Below the button, or above it where there is no room; never beyond the window, nor over what stands beside the chat.
  #place() {
    const at = this.button.getBoundingClientRect();
    const { left: from, right: to } = (this.button.closest("main") ?? document.documentElement).getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.node;
    const left = document.documentElement.dir === "rtl" ? at.left : at.right - width;
    const below = at.bottom + GAP + height <= innerHeight;
    this.node.style.left = `${Math.max(Math.max(from, 0) + 8, Math.min(left, Math.min(to, innerWidth) - width - 8))}px`;
    this.node.style.top = `${Math.max(8, below ? at.bottom + GAP : at.top - GAP - height)}px`;
  }

  #key(event) {
    const at = this.items.indexOf(document.activeElement);
    const last = this.items.length - 1;
    const letter = event.key.length === 1 && !event.ctrlKey && !event.metaKey ? event.key.toLowerCase() : null;
    if (event.key === "ArrowDown") this.items[at === last ? 0 : at + 1].focus();
    else if (event.key === "ArrowUp") this.items[at <= 0 ? last : at - 1].focus();
    else if (event.key === "Home") this.items[0].focus();
    else if (event.key === "End") this.items[last].focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (letter && letter !== " ") this.#toLetter(letter, at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #toLetter(letter, at) {
    const after = [...this.items.slice(at + 1), ...this.items.slice(0, at + 1)];
    after.find((item) => item.textContent.trim().toLowerCase().startsWith(letter))?.focus();
  }

  // The focus goes back before an entry acts, so that a dialog gives it back to the button again.
  close() {
    if (this.node.matches(":popover-open")) this.node.hidePopover();
    this.#gone();
  }

  #gone() {
    if (!this.node.isConnected) return;
    const inside = this.node.contains(document.activeElement) || document.activeElement === document.body;
    this.node.remove();
    this.button.setAttribute("aria-expanded", "false");
    if (inside) this.button.focus();
    if (open === this) open = null;
  }
}
