// The box one writes in. Enter sends, Shift+Enter breaks the line; drafts are kept for each conversation.

import { recall, remember } from "./dom.js";

export class Composer {
  constructor({ form, onAsk, onStop }) {
    this.form = form;
    this.area = form.querySelector("textarea");
    this.sendButton = form.querySelector("[data-send]");
    this.stopButton = form.querySelector("[data-stop]");
    this.key = "draft new";
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
    if (!text || this.busy || !onAsk(text)) return;
    this.fill("");
  }

  fill(text) {
    this.area.value = text;
    this.#changed();
  }

  #changed() {
    remember(this.key, this.area.value);
    this.area.style.blockSize = "auto";
    this.area.style.blockSize = `${Math.min(this.area.scrollHeight, 240)}px`;
    this.sendButton.disabled = !this.area.value.trim();
  }

  forConversation(id) {
    this.key = `draft ${id ?? "new"}`;
    this.fill(recall(this.key) ?? "");
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
