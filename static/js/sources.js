// The panel that shows a cited passage in its surroundings. A column on wide windows, a sheet on narrow ones.

import { request } from "./api.js";
import { el, icon } from "./dom.js";
import { gettext } from "./language.js";
import { numbersOf } from "./numbering.js";

export class SourcePanel {
  constructor(panel) {
    this.panel = panel;
    this.body = panel.querySelector("[data-body]");
    this.about = panel.querySelector("[data-about]");
    panel.querySelector("[data-close]").addEventListener("click", () => this.close());
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") (event.stopPropagation(), this.close());
    });
  }

  get open() {
    return !this.panel.hidden;
  }

  close() {
    if (!this.open) return;
    this.wanted = this.answer = null;
    this.#leavePage();
    this.panel.hidden = true;
    document.body.classList.remove("with-panel");
    this.opener?.isConnected && this.opener.focus();
  }

  // It stays while the conversation goes on, and says of which answer it is; it goes with that answer.
  nowIn(path) {
    if (!this.open || !this.answer) return;
    const at = path.findIndex((one) => one.id === this.answer);
    if (at < 0) return this.close();
    const question = path.slice(0, at).findLast((one) => one.role === "user");
    const last = path.findLast((one) => one.role === "assistant");
    this.about.hidden = !question || last.id === this.answer;
    this.about.textContent = question ? gettext("From the answer to: %(question)s", { question: question.text.slice(0, 300) }) : "";
  }

  async show(message, wire, opener) {
    const number = numbersOf(message).get(wire) ?? wire;
    const citation = message.citations?.find((one) => one.number === wire);
    const source = message.sources?.find((one) => one.number === wire);
    const known = { ...source, ...citation, document: source?.document ?? citation?.document };
    const wanted = (this.wanted = Symbol(number));
    this.opener = opener;
    this.answer = message.id;
    this.#leavePage();
    this.panel.hidden = false;
    document.body.classList.add("with-panel");
    this.body.replaceChildren(...this.#known(known, number, gettext("Loading the passage…")));
    this.panel.querySelector("[data-close]").focus();
    try {
      if (!known.passage) throw Object.assign(new Error(gettext("This document has been removed since.")), { advice: "" });
      const passage = await request("GET", `/api/passages/${known.passage}/`);
      if (this.wanted !== wanted) return;
      const quotes = [quoteBefore(opener), citation?.quote];
      this.#paint(passage, number, quotes);
      await this.#openPage(passage, quotes, wanted);
    } catch (error) {
      if (this.wanted !== wanted) return;
      if (error.code === "not_found") this.body.replaceChildren(...this.#known({ document: known.document }, number, gettext("This document can no longer be read.")));
      else this.body.replaceChildren(...this.#known(known, number, `${error.message} ${error.advice ?? ""}`));
    }
  }

  #known(known, number, note) {
    const words = known.quote || known.text;
    return [
      ...this.#title(known.document?.name ?? gettext("A removed document"), number, [known.locator || (known.page && gettext("Page %(page)s", known)), known.heading]),
      words && el("blockquote", { class: "passage", dir: "auto" }, words),
      el("p", { class: "quiet-text" }, note),
    ].filter(Boolean);
  }

  #title(name, number, facts) {
    return [
      el("p", { class: "panel-title" }, el("span", { class: "number" }, String(number)), el("strong", { class: "clamped", title: name, dir: "auto" }, name)),
      el("p", { class: "facts", dir: "auto" }, facts.filter(Boolean).join(" · ")),
    ];
  }

  #paint(passage, number, quotes) {
    const { document: file } = passage;
    // Sheets of a workbook and parts of a book have names of their own.
    const place = passage.locator || (passage.page && (file.pages ? gettext("Page %(page)s of %(pages)s", { page: passage.page, pages: file.pages }) : gettext("Page %(page)s", passage)));
    const shown = [passage, ...(passage.before ?? []), ...(passage.after ?? [])];
    const known = quotes.filter((quote) => shown.some(({ text }) => markQuote(text, quote).length > 1)).slice(0, 1);
    const inPassage = markFirst(passage.text, known);
    const around = (one) => el("p", { class: "around", dir: "auto" }, ...(inPassage.length > 1 ? [one.text] : markFirst(one.text, known)));
    const marked = el("blockquote", { class: "passage", dir: "auto", tabindex: "-1" }, ...inPassage);
    this.body.replaceChildren(
      ...this.#title(file.title || file.name, number, [place, file.title !== file.name && file.title && file.name, file.attached ? gettext("Attached to this chat") : collectionName(file.collection)]),
      el("a", { class: "button small", href: safePath(passage.download), download: "" }, icon("download"), gettext("Download the document")),
      el("div", { data: { page: "" }, hidden: true }),
      passage.heading && passage.heading !== file.title ? el("h3", { dir: "auto" }, passage.heading) : "",
      ...(passage.before ?? []).map(around), marked, ...(passage.after ?? []).map(around),
    );
    (this.body.querySelector("mark") ?? marked).scrollIntoView({ block: "nearest" });
  }

  // The page of a PDF, or the picture, with the passage marked on it, above its words.
  async #openPage(passage, quotes, wanted) {
    const place = this.body.querySelector("[data-page]");
    try {
      const view = await viewOf(passage, quotes);
      if (!view || this.wanted !== wanted) return view?.close();
      this.view = view;
    } catch {
      return; // a browser too old for the library: the words are there
    }
    document.body.classList.add("with-page");
    place.hidden = false;
    place.replaceChildren(this.view.element);
    this.body.scrollTo({ top: 0 });
    await this.view.show();
  }

  #leavePage() {
    this.view?.close();
    this.view = null;
    document.body.classList.remove("with-page");
  }
}

async function viewOf(passage, quotes) {
  const { document: file, page, boxes } = passage;
  const shown = { url: safePath(passage.download), page, boxes, quotes, type: file.media_type, name: file.title || file.name };
  if (file.media_type === "application/pdf" && page) return new (await import("./pdf-view.js")).PdfView(shown);
  if (!file.media_type?.startsWith("image/")) return null;
  const { PictureView, canShow } = await import("./picture-view.js");
  return canShow(passage) ? new PictureView(shown) : null;
}

function collectionName(collection) {
  return typeof collection === "object" ? collection?.name : collection;
}

function safePath(path) {
  return /^\/(?!\/)/.test(path ?? "") ? path : "#";
}

// The words in quotation marks that a mark of the answer stands behind: several marks may name one passage.
function quoteBefore(mark) {
  const block = mark?.closest(".prose .block");
  if (!block) return "";
  const range = document.createRange();
  range.setStart(block, 0);
  range.setEndBefore(mark);
  return /[“"]([^“”"]{3,})[”"][\d\s]*$/.exec(range.toString())?.[1] ?? "";
}

function markFirst(text, quotes) {
  for (const quote of quotes) {
    const parts = markQuote(text, quote);
    if (parts.length > 1) return parts;
  }
  return [text];
}

// Marks the quote in the passage; white space may differ between the two.
export function markQuote(text, quote) {
  const words = (quote ?? "").replace(/^[…\s]+|[…\s]+$/g, "").split(/\s+/).filter(Boolean);
  if (!words.length) return [text];
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+");
  const found = new RegExp(pattern).exec(text);
  if (!found) return [text];
  const end = found.index + found[0].length;
  return [text.slice(0, found.index), el("mark", {}, found[0]), text.slice(end)];
}
