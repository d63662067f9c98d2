// The branch of the conversation that is shown, and where the reader is in it.

import { announce, el, icon } from "./dom.js";
import { MessageView } from "./message-view.js";

const PAINT_EVERY = 80;
const NEAR = 80;

export class Transcript {
  constructor({ root, scroller, jump, actions }) {
    Object.assign(this, { root, scroller, jump, actions });
    this.views = new Map();
    this.dirty = new Set();
    this.following = true;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.toEnd(true));
  }

  show(tree, busy) {
    const path = tree.path();
    const keep = new Set(path.map((message) => message.id));
    for (const [id, view] of this.views) {
      if (!keep.has(id)) (view.node.remove(), this.views.delete(id));
    }
    path.forEach((message, index) => {
      const view = this.#view(message);
      if (this.root.children[index] !== view.node) this.root.insertBefore(view.node, this.root.children[index] ?? null);
      view.paint(tree.siblings(message), busy);
    });
    this.#keepPlace();
  }

  clear() {
    this.views.clear();
    this.root.replaceChildren();
    this.following = true;
    this.jump.hidden = true;
  }

  #view(message) {
    let view = this.views.get(message.id);
    if (!view) this.views.set(message.id, (view = new MessageView(message, this.actions)));
    view.message = message;
    return view;
  }

  // The form of a question whose edit was refused, with the words that were written.
  editAgain(id, words) {
    this.views.get(id)?.edit(words);
  }

  // A growing answer is painted at most each 80 ms, whatever the pace of its pieces.
  grown(message) {
    this.dirty.add(message.id);
    this.timer ??= setTimeout(() => this.#paintGrown(), PAINT_EVERY);
  }

  #paintGrown() {
    this.timer = null;
    for (const id of this.dirty) {
      const view = this.views.get(id);
      if (view?.message.status === "streaming") view.paint([], true);
    }
    this.dirty.clear();
    this.#keepPlace();
  }

  finished(message) {
    const text = message.text.replace(/\[\d+\]/g, "").slice(0, 600);
    announce(message.status === "complete" ? `Answer: ${text}` : (message.error?.message ?? "The answer was not finished."));
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.following = scrollHeight - scrollTop - clientHeight < NEAR;
    this.jump.hidden = this.following;
  }

  #keepPlace() {
    if (this.following) this.scroller.scrollTop = this.scroller.scrollHeight;
    else this.#scrolled();
  }

  toEnd(smooth = false) {
    this.following = true;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant" });
    this.jump.hidden = true;
  }
}

export async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "visually-hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // pages served without TLS have no clipboard API
    area.remove();
    button.focus();
  }
  announce("Copied");
  const before = [...button.childNodes];
  button.replaceChildren(icon("check"));
  setTimeout(() => button.replaceChildren(...before), 1500);
}
