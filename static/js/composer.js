// The box one writes in. Enter sends, Shift+Enter breaks the line; drafts are kept for each conversation.

import { Drafts } from "./drafts.js";
import { quotation } from "./quoting.js";

export class Composer {
  constructor({ form, onAsk, onStop, onTooLong }) {
    this.form = form;
    this.onTooLong = onTooLong;
    this.area = form.querySelector("textarea");
    this.most = Number(this.area.dataset.most);
    this.sendButton = form.querySelector("[data-send]");
    this.stopButton = form.querySelector("[data-stop]");
    this.drafts = new Drafts(document.body.dataset.person ?? "");
    this.conversation = null;
    this.temporary = false;
    form.addEventListener("submit", (event) => (event.preventDefault(), this.#submit(onAsk)));
    this.stopButton.addEventListener("click", onStop);
    this.area.addEventListener("input", () => this.#changed());
    this.area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#submit(onAsk);
      }
    });
  }

  #submit(onAsk) {
    const text = this.area.value.trim();
    if (!text || this.busy || this.refuses(text) || !onAsk(text)) return;
    this.fill("");
  }

  // Counted as the server counts, in code points. Nothing is cut off: the person decides what to shorten.
  refuses(text) {
    const length = [...text].length;
    if (length > this.most) this.onTooLong(length, this.most);
    return length > this.most;
  }

  // Words that were sent in vain go back to the box of their conversation; never over what was written since.
  giveBack(text, conversation) {
    if ((conversation ?? null) !== this.conversation && !this.temporary) this.drafts.put(conversation, this.drafts.get(conversation) || text);
    else if (!this.area.value.trim()) this.fill(text);
  }

  fill(text) {
    this.area.value = text;
    this.#changed();
  }

  #changed() {
    if (!this.temporary) this.drafts.put(this.conversation, this.area.value);
    this.area.style.blockSize = "auto";
    this.area.style.blockSize = `${Math.min(this.area.scrollHeight, 240)}px`;
    this.sendButton.disabled = !this.area.value.trim();
  }

  forConversation(id) {
    this.temporary = false;
    this.conversation = id ?? null;
    this.fill(this.drafts.get(id));
  }

  // What is written in a temporary chat is kept nowhere, not even in the browser.
  setTemporary(on) {
    this.temporary = on;
    this.drafts.put(this.conversation, on ? "" : this.area.value);
  }

  // The conversation has got its id: what is written, perhaps already, belongs to it.
  nowIn(id) {
    if (!this.temporary) this.drafts.put(this.conversation, "");
    this.conversation = id;
    this.#changed();
  }

  // Before what is written already, which may be about it.
  quote(words) {
    this.fill(quotation(words) + this.area.value);
    this.area.focus();
    this.area.setSelectionRange(this.area.value.length, this.area.value.length);
  }

  setBusy(busy) {
    this.busy = busy;
    this.stopButton.hidden = !busy;
    this.sendButton.hidden = busy;
  }

  focus() {
    if (matchMedia("(hover: hover)").matches) this.area.focus();
  }
}
