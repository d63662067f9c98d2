// The branch of the conversation that is shown, and where the reader is in it.

import { announce, copyWords, icon } from "./dom.js";
import { gettext, said } from "./language.js";
import { MessageView } from "./message-view.js";

const PAINT_EVERY = 60; // ms between two paints of a growing answer
const PAINT_SHARE = 4; // so many times what the last one took, so that the page stays answering
const NEAR = 80;
const AT_ONCE = 12; // messages at the end that are painted without waiting
const SLICE = 8; // ms of painting what is out of sight, at a time

export class Transcript {
  constructor({ root, scroller, jump, actions }) {
    Object.assign(this, { root, scroller, jump, actions });
    this.views = new Map();
    this.dirty = new Set();
    this.stale = new Set(); // views that are out of sight and painted later
    this.following = true;
    this.lastTop = 0;
    this.seen = new IntersectionObserver((entries) => this.#seen(entries), { root: scroller, rootMargin: "100%" });
    new ResizeObserver(() => this.following && this.#down()).observe(root);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.toEnd(true));
  }

  show(tree, busy) {
    const path = tree.path();
    const keep = new Set(path.map((message) => message.id));
    for (const [id, view] of this.views) {
      if (!keep.has(id)) this.#forget(view);
    }
    this.tree = tree;
    this.busy = busy;
    let next = this.root.firstElementChild;
    path.forEach((message, index) => {
      const view = this.#view(message);
      if (next === view.node) next = next.nextElementSibling;
      else this.root.insertBefore(view.node, next);
      if (view.inSight || index >= path.length - AT_ONCE) this.#paint(view);
      else this.stale.add(view);
    });
    this.#paintStaleSoon();
    this.#keepPlace();
  }

  #paint(view) {
    this.stale.delete(view);
    view.paint(this.tree.siblings(view.message), this.busy);
  }

  #forget(view) {
    this.seen.unobserve(view.node);
    this.stale.delete(view);
    view.node.remove();
    this.views.delete(view.message.id);
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const view = this.views.get(target.dataset.id);
      if (!view) continue;
      view.inSight = isIntersecting;
      if (isIntersecting && this.stale.has(view)) this.#paint(view);
    }
  }

  // What is out of sight is painted too, from the end backwards: one may look for words in it, or print it.
  #paintStaleSoon() {
    if (this.stale.size) this.painting ??= setTimeout(() => this.#paintStale());
  }

  #paintStale() {
    this.painting = null;
    const until = performance.now() + SLICE;
    for (const view of [...this.stale].reverse()) {
      if (performance.now() >= until) break;
      this.#paint(view);
    }
    this.#paintStaleSoon();
  }

  clear() {
    this.seen.disconnect();
    this.views.clear();
    this.stale.clear();
    this.root.replaceChildren();
    this.following = true;
    this.lastTop = 0;
    this.#showWhere();
  }

  #view(message) {
    let view = this.views.get(message.id);
    if (!view) {
      this.views.set(message.id, (view = new MessageView(message, this.actions)));
      this.seen.observe(view.node);
    }
    view.message = message;
    return view;
  }

  // The form of a question whose edit was refused, with the words that were written.
  editAgain(id, words) {
    this.views.get(id)?.edit(words);
  }

  // A growing answer is painted at most each 60 ms, whatever the pace of its pieces.
  grown(message) {
    this.dirty.add(message.id);
    this.timer ??= setTimeout(() => this.#paintGrown(), Math.max(PAINT_EVERY, PAINT_SHARE * (this.took ?? 0)));
  }

  #paintGrown() {
    this.timer = null;
    const begun = performance.now();
    for (const id of this.dirty) {
      const view = this.views.get(id);
      if (view?.message.status === "streaming") view.paint([], true);
    }
    this.dirty.clear();
    this.#keepPlace();
    this.took = performance.now() - begun;
  }

  finished(message) {
    const text = message.text.replace(/\[\d+\]/g, "").slice(0, 600);
    announce(message.status === "complete" ? gettext("Answer: %(text)s", { text }) : (said(message.error?.message) ?? gettext("The answer was not finished.")));
  }

  // Only the reader's own scrolling upwards ends the following: what grows or gets its height does not.
  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const near = scrollHeight - scrollTop - clientHeight < NEAR;
    if (near) this.following = true;
    else if (scrollTop < this.lastTop - 1) this.following = false;
    this.lastTop = scrollTop;
    this.#showWhere();
  }

  #showWhere() {
    this.scroller.classList.toggle("reading", !this.following);
    this.jump.hidden = this.following;
  }

  #keepPlace() {
    this.#scrolled(); // the reader may have turned the wheel a moment ago
    if (this.following) this.#down();
  }

  #down() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastTop = this.scroller.scrollTop;
  }

  // To a message of the branch that is shown; what grows takes nobody away from there.
  reveal(id) {
    const view = this.views.get(id);
    if (!view) return;
    if (this.stale.has(view)) this.#paint(view);
    this.following = false;
    view.node.scrollIntoView({ block: "center" });
    this.lastTop = this.scroller.scrollTop;
    this.#showWhere();
  }

  toEnd(smooth = false) {
    this.following = true;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant" });
    this.#showWhere();
  }
}

export async function copyText(text, button) {
  await copyWords(text, button);
  announce(gettext("Copied"));
  const before = [...button.childNodes];
  button.replaceChildren(icon("check"));
  setTimeout(() => button.replaceChildren(...before), 1500);
}
