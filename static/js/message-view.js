// One message on the page: a question, or an answer with its stage, text, sources and buttons.

import { FATES, citedSources, headingOf, paintStage, sourceButton } from "./answer-parts.js";
import { el, icon, iconButton, withCommands } from "./dom.js";
import { cardOf, hasQuotations, isImported, isQuoting, notesOf, partsOf, seamsOf, writtenBy } from "./engines.js";
import { markUnsupported } from "./grounding.js";
import { highlightCode } from "./highlight.js";
import { gettext, ngettext, number, said } from "./language.js";
import { MarkdownView } from "./markdown.js";
import { numbersOf } from "./numbering.js";
import { adviceFor, isAdministrator } from "./person.js";
import { offerOthers } from "./other-engines.js";
import { offsetIn } from "./seams.js";
import { ratingButtons, reasonsForm, thank } from "./rating.js";
import { warningOf } from "./warnings.js";

function whatIsQuoted(alone, failed) {
  if (!alone) return gettext("The sentences in quotation marks are quoted word for word.");
  if (failed) return gettext("So these are the best sentences, quoted word for word.");
  return gettext("These are the best sentences, quoted word for word, because no language model is in use.");
}

// Where a document lies: in a collection, or in this chat alone.
function homeOf(document) {
  return document?.attached ? gettext("Attached to this chat") : document?.collection;
}

export class MessageView {
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.node = el("article", { class: `message ${message.role}`, id: `m-${message.id}`, data: { id: message.id } });
  }

  // What the message consists of, made when it is painted first: a long conversation is not made all at once.
  #build() {
    const { message, actions } = this;
    this.heading = headingOf(message);
    this.stage = el("p", { class: "stage" });
    this.body = el("div", { class: "prose", dir: "auto" });
    this.after = el("div", { class: "after" });
    this.node.append(this.heading, this.stage, this.body, this.after);
    if (message.role === "assistant") {
      this.markdown = new MarkdownView(this.body, (number, mark) => actions.cite(this.message, number, mark));
    }
  }

  paint(siblings, busy) {
    if (!this.body) this.#build();
    const { message } = this;
    const streaming = message.status === "streaming";
    this.node.classList.toggle("streaming", streaming);
    this.node.setAttribute("aria-busy", String(streaming));
    if (message.role === "user") this.#paintQuestion();
    else this.#paintAnswer(streaming, busy);
    paintStage(this.stage, message);
    if (!streaming && message.role === "assistant") highlightCode(this.body);
    this.#paintAfter(siblings, streaming, busy);
  }

  #paintQuestion() {
    if (this.body.textContent !== this.message.text) this.body.textContent = this.message.text; // a selection in it stays
  }

  // Only when something in it changed: a button that is replaced loses its focus, and the click that is under way.
  #paintAfter(siblings, streaming, busy) {
    const { status, error, sources, citations, engine, written_by: writers, text, rating, unsupported } = this.message;
    const searched = this.actions.describeScope(this.message);
    const key = JSON.stringify([status, error, sources, citations, engine, writers, !text, rating, unsupported, searched, Boolean(this.reasons), siblings.map((one) => one.id), busy]);
    if (this.painted === key) return;
    this.painted = key;
    const focused = this.after.contains(document.activeElement) ? document.activeElement.ariaLabel : null;
    this.after.replaceChildren(...this.#after(siblings, streaming, busy).filter(Boolean));
    if (focused) [...this.after.querySelectorAll("button")].find((one) => one.ariaLabel === focused && !one.disabled)?.focus();
  }

  #paintAnswer(streaming, busy) {
    const { text } = this.message;
    const several = (this.message.written_by ?? []).length > 1;
    const seams = (several ? seamsOf(this.message) : []).map(({ from, words }, index, all) => {
      const offers = !streaming && index === all.length - 1;
      return { at: offsetIn(text, from), words, offers, mark: () => this.#seam(words, offers) };
    });
    this.markdown.render(text ?? "", numbersOf(this.message), seams, streaming);
    markUnsupported(this.body, text ?? "", streaming ? [] : this.message.unsupported ?? []);
    this.busy = busy;
    for (const button of this.body.querySelectorAll(".seam button")) button.ariaDisabled = String(busy);
  }

  // In the text, where another engine went on, perhaps in the middle of a sentence. Its button is never disabled: it
  // would lose its focus.
  #seam(words, offers) {
    const again = () => this.busy || this.actions.regenerate(this.message);
    return el("span", { class: "seam", role: "note" }, el("span", { dir: "auto" }, words),
      offers && el("button", { type: "button", class: "link", "aria-label": gettext("Answer again from the start"), onclick: again }, gettext("Answer again")));
  }


  #after(siblings, streaming, busy) {
    const { message } = this;
    if (message.role === "user") return [this.#tools(siblings, busy)];
    if (streaming) return [this.#sources()];
    return [this.#fate(busy), this.#error(busy), this.#grounding(), this.#sources(), this.#searched(busy), this.#writer(), this.#tools(siblings, busy), this.reasons];
  }

  #fate(busy) {
    const { status } = this.message;
    if (!FATES[status]) return null;
    return el("div", { class: "notice fate" }, el("span", {}, FATES[status]),
      el("button", { type: "button", class: "button small", disabled: busy, onclick: () => this.actions.continueAnswer(this.message) },
        icon("continue"), gettext("Continue")));
  }

  #error(busy) {
    const { error, status } = this.message;
    if (!error && status !== "failed") return null;
    const { message = gettext("This answer failed."), retryable = true } = error ?? {};
    const advice = adviceFor(error?.advice);
    return el("div", { class: "notice problem", role: "alert" },
      el("div", {}, el("strong", {}, said(message)), advice && el("p", {}, ...withCommands(advice))),
      (retryable || status === "failed") &&
        el("button", { type: "button", class: "button small", disabled: busy, onclick: () => this.actions.retry(this.message) },
          icon("retry"), gettext("Try again")));
  }

  #grounding() {
    const words = warningOf(this.message);
    return words ? el("p", { class: "grounding" }, words) : null;
  }

  #sources() {
    const cited = new Set((this.message.citations ?? []).map((one) => one.number));
    const all = this.message.sources ?? [];
    const numbers = numbersOf(this.message);
    const shown = cited.size ? citedSources(this.message) : all;
    if (!shown.length || (this.message.status === "streaming" && !this.message.text)) return null;
    const list = el("ol", { class: "source-list" });
    const manyCollections = new Set(all.map((one) => homeOf(one.document)).filter(Boolean)).size > 1;
    const named = this.message.status !== "streaming" || cited.size > 0; // before that, not all marks are there
    for (const source of shown) list.append(el("li", {}, this.#sourceButton(source, named && numbers.get(source.number), manyCollections)));
    if (!cited.size && this.message.status !== "streaming") {
      const found = ngettext("The answer names no source. One passage was found", "The answer names no source. %(count)s passages were found", shown.length);
      return el("details", { class: "sources" }, el("summary", {}, found), list);
    }
    return el("section", { class: "sources" }, el("h3", {}, cited.size ? gettext("Sources") : gettext("Passages found")), list);
  }

  #sourceButton(source, shown, manyCollections) {
    const home = (manyCollections || source.document?.attached) && homeOf(source.document);
    return sourceButton(source, { shown, home, open: (button) => this.actions.cite(this.message, source.number, button) });
  }

  // Where the question was asked of a part of the documents. If that was in vain, the rest is one click away.
  #searched(busy) {
    const { status, sources, citations } = this.message;
    const searched = this.actions.describeScope(this.message);
    if (!searched || status === "failed") return null;
    const again = (look) => !citations?.length && el("button", { type: "button", class: look, disabled: busy, onclick: () => this.actions.askEverything(this.message) }, gettext("Ask all documents"));
    if (sources?.length || status !== "complete") return el("p", { class: "searched" }, el("span", { dir: "auto" }, gettext("Searched in: %(scope)s", { scope: searched })), again("link"));
    return el("div", { class: "notice searched-nothing" }, el("span", { dir: "auto" }, gettext("Nothing was found in what was searched: %(scope)s.", { scope: searched })), again("button small"));
  }

  #writer() {
    const parts = partsOf(this.message);
    if (!parts.length) return null;
    const notes = notesOf(this.message);
    const advice = isQuoting(parts.at(-1).engine) ? this.#aboutQuoting(parts, notes.length > 0) : [];
    return el("p", { class: "writer" }, this.#by(parts), ...notes.map((note) => el("span", { dir: "auto" }, said(note))),
      advice.length > 0 && el("span", { class: "model-advice" }, ...advice));
  }

  #by(parts) {
    const { engine } = parts.at(-1);
    return isImported(engine) ? el("span", { dir: "auto" }, writtenBy(parts)) : el("a", { dir: "auto", href: cardOf(engine) }, writtenBy(parts));
  }

  #aboutQuoting(parts, failed) {
    const alone = parts.every((one) => isQuoting(one.engine));
    const inUse = !alone || failed;
    const words = parts.some(hasQuotations) ? `${whatIsQuoted(alone, failed)} ` : "";
    if (isAdministrator()) {
      return [words, el("button", { type: "button", class: "link", onclick: this.actions.explainModels }, inUse ? gettext("Who can answer") : gettext("How to add a model"))];
    }
    return [words || null, !inUse && gettext("Your administrator can add a language model.")].filter(Boolean);
  }

  #tools(siblings, busy) {
    const { message } = this;
    const tools = el("div", { class: "tools" });
    if (siblings.length > 1) tools.append(this.#switcher(siblings));
    if (message.text) tools.append(iconButton("copy", gettext("Copy"), (event) => this.actions.copy(message, event.currentTarget)));
    if (message.role === "user") {
      tools.append(iconButton("edit", gettext("Edit this question"), () => this.edit(), { disabled: busy }));
    } else if (message.status !== "failed") {
      tools.append(iconButton("retry", gettext("Answer again"), () => this.actions.regenerate(message), { disabled: busy }), this.#otherEngines(busy));
    }
    if (message.role === "assistant" && !isImported(message.engine)) tools.append(iconButton("why", gettext("Why this answer"), () => this.actions.why(message), { "aria-haspopup": "dialog" }));
    if (message.role === "assistant" && message.text) tools.append(ratingButtons(message, (rating) => this.#rate(rating), this.reasons ? null : () => this.#say()));
    return tools;
  }

  #otherEngines(busy) {
    const { message } = this;
    const offer = ({ currentTarget }) => offerOthers(currentTarget, message, (engine) => this.actions.regenerate(message, engine));
    return iconButton("down", gettext("Answer again with another model"), offer, { disabled: busy, "aria-haspopup": "menu", class: "icon-button narrow" });
  }

  // The buttons tell at once; the form that "bad" opens adds reasons to it.
  async #rate(rating, { explained = false } = {}) {
    const form = this.reasons;
    this.reasons = null;
    const sent = await this.actions.rate(this.message, rating);
    if (sent && rating?.rating === "bad" && !explained) return this.#say();
    if (sent && explained) thank();
    if (!sent && explained) this.reasons = form; // with the words in it
    this.actions.repaint();
  }

  #say() {
    this.reasons = reasonsForm(this.message, (said) => this.#explained(said), this.actions.temporary());
    this.actions.repaint();
    this.reasons.querySelector("input, textarea").focus();
  }

  #explained(said) {
    if (said) return this.#rate(said, { explained: true });
    this.reasons = null;
    this.actions.repaint();
    this.after.querySelector(".rating [aria-pressed=true]")?.focus();
  }

  #switcher(siblings) {
    const at = siblings.indexOf(this.message);
    const to = (step, label, name) => iconButton(name, label, () => this.actions.choose(siblings[at + step]), { disabled: !siblings[at + step] });
    return el("span", { class: "switcher", role: "group", "aria-label": gettext("Versions") },
      to(-1, gettext("Earlier version"), "left"), el("span", {}, `${number(at + 1)} / ${number(siblings.length)}`), to(1, gettext("Later version"), "right"));
  }

  edit(words = this.message.text) {
    this.node.querySelector(".edit-form")?.remove();
    const area = el("textarea", { "aria-label": gettext("Edit your question"), dir: "auto", rows: Math.min(10, this.message.text.split("\n").length + 1) });
    area.value = words;
    const close = () => {
      form.remove();
      this.body.hidden = this.after.hidden = false;
      this.after.querySelector("button:last-child")?.focus();
    };
    const send = (event) => {
      event.preventDefault();
      const text = area.value.trim();
      if (text && this.actions.edit(this.message, text)) close();
    };
    const form = el("form", { class: "edit-form", onsubmit: send }, area,
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", onclick: close }, gettext("Cancel")),
        el("button", { class: "button primary" }, gettext("Ask again"))));
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") (event.stopPropagation(), close());
      else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
    });
    this.body.hidden = this.after.hidden = true;
    this.body.after(form);
    area.focus();
  }
}
