// The passage behind a mark, over the chat in the frame: its words came with the answer, so that it asks for nothing.

import { el } from "./dom.js";
import { gettext } from "./language.js";
import { numbersOf } from "./numbering.js";
import { markQuote } from "./sources.js";

export class FrameSource {
  // `canOpen`: -> whether whoever asks has an account here, and may be led to the document
  constructor(panel, canOpen) {
    this.panel = panel;
    this.canOpen = canOpen;
    this.body = panel.querySelector("[data-body]");
    panel.querySelector("[data-close]").addEventListener("click", () => this.close());
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // the chat stays open
      this.close();
    });
  }

  close() {
    if (this.panel.hidden) return;
    this.panel.hidden = true;
    this.body.replaceChildren();
    if (this.opener?.isConnected) this.opener.focus();
  }

  show(message, number, opener) {
    const citation = message.citations?.find((one) => one.number === number);
    const source = message.sources?.find((one) => one.number === number);
    const file = source?.document ?? citation?.document;
    const words = source?.text || citation?.quote || "";
    const facts = [source?.locator || (source?.page && gettext("Page %(page)s", source)), source?.heading, file?.collection].filter(Boolean).join(" · ");
    this.opener = opener;
    this.body.replaceChildren(...[
      el("p", { class: "panel-title" }, el("span", { class: "number" }, String(numbersOf(message).get(number) ?? number)), el("strong", { dir: "auto" }, file?.name ?? gettext("A removed document"))),
      facts && el("p", { class: "facts", dir: "auto" }, facts),
      words ? el("blockquote", { class: "passage", dir: "auto" }, ...markQuote(words, citation?.quote)) : el("p", { class: "quiet-text" }, gettext("This document can no longer be read.")),
      this.canOpen() && file?.id && el("a", { class: "button small", href: `/documents/${file.id}/`, target: "_blank", rel: "noopener" }, gettext("Open the document")),
    ].filter(Boolean));
    this.panel.hidden = false;
    this.panel.querySelector("[data-close]").focus();
    this.body.querySelector("mark")?.scrollIntoView({ block: "nearest" });
  }
}
