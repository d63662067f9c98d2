// The branch of the conversation that is shown, and where the reader is in it.

import { PAINT_EVERY, sayEnded } from "./answer-parts.js";
import { announce, copyWords, el, icon } from "./dom.js";
import { gettext } from "./language.js";
import { MessageView } from "./message-view.js";
import { warningOf } from "./warnings.js";

const PAINT_SHARE = 4; // so many times what the last one took, so that the page stays answering
const NEAR = 80;
const AT_LEAST = 2; // messages at the end that are made without waiting: a question and its answer
const SLICE = 8; // ms of making and painting messages, at a time

export class Transcript {
  constructor({ root, scroller, jump, actions }) {
    Object.assign(this, { root, scroller, jump, actions });
    this.#reset();
    this.dirty = new Set();
    this.seen = new IntersectionObserver((entries) => this.#seen(entries), { root: scroller, rootMargin: "100%" });
    new ResizeObserver(() => this.following && this.#down()).observe(root);
    scroller.append(el("div", { class: "end" }));
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.toEnd(true));
  }

  #reset() {
    this.views = new Map();
    this.path = []; // ids of the messages that are shown, in their order
    this.places = new Map(); // id -> its place among them
    this.near = new Set(); // ids of what is in sight, or a screen away from it
    this.stale = new Set(); // ids of what changed, or may have, since it was painted
    this.unplaced = []; // ids whose messages are not on the page yet
    this.unpainted = []; // ids that may be stale, in the order of the path
    this.following = true;
    this.lastTop = 0;
  }

  // The end and what is in sight at once, the rest in slices: a long conversation is nothing that holds up the page.
  show(tree, busy) {
    const path = tree.path();
    Object.assign(this, { tree, busy, path: path.map((message) => message.id) });
    this.places = new Map(this.path.map((id, place) => [id, place]));
    this.stale = new Set(this.path);
    for (const view of this.views.values()) if (!this.places.has(view.message.id)) this.#forget(view);
    this.unplaced = this.path.filter((id) => !this.views.has(id));
    this.unpainted = [...this.path];
    for (const id of [...this.path.slice(-AT_LEAST), ...this.near]) this.#paint(id);
    this.#keepPlace();
    this.#workSoon();
  }

  // A view on the page, in its place among those that are there.
  #placed(id) {
    const known = this.views.get(id);
    if (known) return known;
    const view = new MessageView(this.tree.get(id), this.actions);
    this.views.set(id, view);
    let behind = this.places.get(id) + 1;
    while (behind < this.path.length && !this.views.has(this.path[behind])) behind += 1;
    this.root.insertBefore(view.node, this.views.get(this.path[behind])?.node ?? null);
    this.seen.observe(view.node);
    return view;
  }

  #paint(id) {
    if (!this.stale.delete(id)) return;
    const view = this.#placed(id);
    view.message = this.tree.get(id);
    view.paint(this.tree.siblings(view.message), this.busy);
  }

  #forget(view) {
    const { id } = view.message;
    this.seen.unobserve(view.node);
    view.node.remove();
    this.views.delete(id);
    this.near.delete(id);
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && this.views.has(target.dataset.id)) this.near.add(target.dataset.id);
      else this.near.delete(target.dataset.id);
    }
    this.#work();
  }

  #workSoon() {
    this.working ??= setTimeout(() => ((this.working = null), this.#work()));
  }

  // What comes into sight is painted first. Then all messages get their places and their words, from the end backwards:
  // one may look for words in what is out of sight, or print it.
  #work() {
    const until = performance.now() + SLICE;
    const hasTime = () => performance.now() < until;
    if (this.unplaced.length) this.#stayOffTheTop();
    const inSight = [...this.near].filter((id) => this.stale.has(id));
    while (inSight.length && hasTime()) this.#paint(inSight.pop());
    while (this.unplaced.length && hasTime()) this.#placed(this.unplaced.pop());
    while (this.unpainted.length && hasTime()) this.#paint(this.unpainted.pop());
    if (inSight.length || this.unplaced.length || this.unpainted.length) this.#workSoon();
  }

  // At the very top browsers hold the top in its place, not what is read there.
  #stayOffTheTop() {
    if (!this.following && this.scroller.scrollTop === 0) this.scroller.scrollTop = 1;
  }

  clear() {
    this.seen.disconnect();
    this.#reset();
    this.root.replaceChildren();
    this.#showWhere();
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
    sayEnded(message, warningOf(message));
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
    if (!this.places.has(id)) return;
    this.#paint(id);
    const view = this.#placed(id);
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
