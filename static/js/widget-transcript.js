// The questions and answers in the frame of a widget: one branch, few messages, no choices about them.

import { FATES, PAINT_EVERY, citedSources, headingOf, paintStage, sayEnded, sourceButton } from "./answer-parts.js";
import { announce, copyWords, el, icon, iconButton } from "./dom.js";
import { highlightCode } from "./highlight.js";
import { gettext, said } from "./language.js";
import { MarkdownView } from "./markdown.js";
import { asShown, numbersOf } from "./numbering.js";

const NEAR = 60; // px from the end: the reader follows

export class FrameTranscript {
  constructor({ root, scroller, cite, again }) {
    Object.assign(this, { root, scroller, actions: { cite, again } });
    this.views = new Map();
    this.following = true;
    scroller.addEventListener("scroll", () => (this.following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR), { passive: true });
    new ResizeObserver(() => this.#follow()).observe(root);
  }

  show(tree, busy) {
    const path = tree.path(), kept = new Set(path.map((one) => one.id));
    for (const [id, view] of this.views) {
      if (!kept.has(id)) (view.node.remove(), this.views.delete(id));
    }
    for (const message of path) this.#view(message).paint(message, busy);
  }

  #view(message) {
    if (!this.views.has(message.id)) {
      const view = new FrameMessage(message, this.actions);
      this.views.set(message.id, view);
      this.root.append(view.node);
    }
    return this.views.get(message.id);
  }

  grown(message) {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.views.get(message.id)?.paint(message, true);
    }, PAINT_EVERY);
  }

  finished(message) {
    sayEnded(message);
  }

  toEnd() {
    this.following = true;
    this.#follow();
  }

  #follow() {
    if (this.following) this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

class FrameMessage {
  constructor(message, actions) {
    this.actions = actions;
    this.stage = el("p", { class: "stage", hidden: true });
    this.body = el("div", { class: "prose", dir: "auto" });
    this.after = el("div", { class: "after" });
    this.node = el("article", { class: `message ${message.role}`, data: { id: message.id } }, headingOf(message), this.stage, this.body, this.after);
    if (message.role === "assistant") this.markdown = new MarkdownView(this.body, (number, mark) => actions.cite(this.message, number, mark));
  }

  paint(message, busy) {
    this.message = message;
    if (message.role === "user") return void (this.body.textContent = message.text);
    const streaming = message.status === "streaming";
    this.node.setAttribute("aria-busy", String(streaming));
    this.markdown.render(message.text ?? "", numbersOf(message), [], streaming);
    if (!streaming) highlightCode(this.body);
    paintStage(this.stage, message);
    this.#paintAfter(streaming, busy);
  }

  // Only when something in it changed: a button that is replaced loses its focus.
  #paintAfter(streaming, busy) {
    const { status, error, citations, sources, text } = this.message;
    const key = JSON.stringify([status, error, citations, sources, busy, !text]);
    if (this.painted === key) return;
    this.painted = key;
    this.after.replaceChildren(...(streaming ? [] : [this.#fate(busy), this.#sources(), this.#tools()].filter(Boolean)));
  }

  #fate(busy) {
    const { status, error } = this.message;
    const words = error ? `${said(error.message)} ${said(error.advice ?? "")}` : (FATES[status] ?? (status === "failed" && gettext("This answer failed.")));
    if (!words) return null;
    return el("div", { class: "notice", role: error ? "alert" : null }, el("span", {}, words),
      el("button", { type: "button", class: "button small", disabled: busy, onclick: () => this.actions.again(this.message) }, icon("retry"), gettext("Ask again")));
  }

  #sources() {
    const shown = citedSources(this.message);
    if (!shown.length) return null;
    const numbers = numbersOf(this.message);
    const open = (one) => (button) => this.actions.cite(this.message, one.number, button);
    const list = el("ol", { class: "source-list" });
    for (const one of shown) list.append(el("li", {}, sourceButton(one, { shown: numbers.get(one.number), open: open(one) })));
    return el("section", { class: "sources" }, el("h3", {}, gettext("Sources")), list);
  }

  #tools() {
    if (!this.message.text) return null;
    return el("div", { class: "tools" }, iconButton("copy", gettext("Copy"), async ({ currentTarget }) => {
      await copyWords(asShown(this.message), currentTarget);
      announce(gettext("Copied"));
    }));
  }
}
