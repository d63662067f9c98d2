// The questions and answers in the frame of a widget: one branch, few messages, no choices about them.

import { announce, copyWords, el, icon, iconButton } from "./dom.js";
import { highlightCode } from "./highlight.js";
import { gettext, said } from "./language.js";
import { MarkdownView } from "./markdown.js";
import { stageText } from "./message-view.js";
import { asShown, numbersOf } from "./numbering.js";

const PAINT_EVERY = 60; // ms between two paints of a growing answer
const NEAR = 60; // px from the end: the reader follows
const FATES = { stopped: gettext("You stopped this answer."), interrupted: gettext("This answer broke off.") };

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
    const text = message.text.replace(/\[\d+\]/g, "").slice(0, 600);
    announce(message.status === "complete" ? gettext("Answer: %(text)s", { text }) : (said(message.error?.message) ?? gettext("The answer was not finished.")));
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
    const heading = el("h2", { class: "visually-hidden" }, message.role === "user" ? gettext("You asked") : gettext("Answer"));
    this.node = el("article", { class: `message ${message.role}`, data: { id: message.id } }, heading, this.stage, this.body, this.after);
    if (message.role === "assistant") this.markdown = new MarkdownView(this.body, (number, mark) => actions.cite(this.message, number, mark));
  }

  paint(message, busy) {
    this.message = message;
    if (message.role === "user") return void (this.body.textContent = message.text);
    const streaming = message.status === "streaming";
    this.node.setAttribute("aria-busy", String(streaming));
    this.markdown.render(message.text ?? "", numbersOf(message), [], streaming);
    if (!streaming) highlightCode(this.body);
    this.stage.hidden = !streaming || Boolean(message.text);
    this.stage.replaceChildren(el("span", { class: "dots", "aria-hidden": "true" }), stageText(message.stage));
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
    const cited = new Set((this.message.citations ?? []).map((one) => one.number));
    const numbers = numbersOf(this.message);
    const inOrder = (one, other) => numbers.get(one.number) - numbers.get(other.number);
    const shown = (this.message.sources ?? []).filter((one) => cited.has(one.number)).sort(inOrder);
    if (!shown.length) return null;
    const list = el("ol", { class: "source-list" });
    for (const one of shown) list.append(el("li", {}, this.#source(one, numbers.get(one.number))));
    return el("section", { class: "sources" }, el("h3", {}, gettext("Sources")), list);
  }

  #source(one, number) {
    const where = [one.locator || (one.page && gettext("page %(page)s", one)), one.heading].filter(Boolean).join(" · ");
    return el("button", { type: "button", class: "source", onclick: (event) => this.actions.cite(this.message, one.number, event.currentTarget) },
      el("span", { class: "number" }, String(number)),
      el("span", { class: "source-words" }, el("span", { class: "source-name", dir: "auto" }, one.document?.name ?? gettext("A removed document")), where && el("span", { class: "source-where", dir: "auto" }, where)));
  }

  #tools() {
    if (!this.message.text) return null;
    return el("div", { class: "tools" }, iconButton("copy", gettext("Copy"), async ({ currentTarget }) => {
      await copyWords(asShown(this.message), currentTarget);
      announce(gettext("Copied"));
    }));
  }
}
