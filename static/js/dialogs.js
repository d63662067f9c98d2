// Dialogs: one frame for all of them, and two small questions, "are you sure?" and "what name?".

import { el } from "./dom.js";
import { gettext } from "./language.js";

let count = 0;

// -> what the person answered; null when the dialog was closed. The browser gives the focus back to where it was.
export function openDialog(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    const heading = `dialog-${(count += 1)}`;
    const dialog = el("dialog", { class: wide ? "dialog wide" : "dialog", "aria-labelledby": heading });
    let given = null;
    const answer = (value) => {
      given = value;
      dialog.close();
    };
    dialog.append(el("h2", { id: heading }, title), build(answer));
    dialog.addEventListener("close", () => (dialog.remove(), resolve(given)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function confirmWith(title, text, action) {
  return openDialog(title, (answer) =>
    el("form", { method: "dialog", onsubmit: (event) => (event.preventDefault(), answer(true)) },
      el("p", { dir: "auto" }, text),
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", autofocus: true, onclick: () => answer(null) }, gettext("Cancel")),
        el("button", { class: "button danger" }, action))));
}

export function askForText(title, label, value) {
  const input = el("input", { type: "text", value, maxlength: 200, required: true, autofocus: true, dir: "auto" });
  return openDialog(title, (answer) =>
    el("form", { method: "dialog", onsubmit: (event) => (event.preventDefault(), answer(input.value.trim() || null)) },
      el("label", { class: "field" }, label, input),
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", onclick: () => answer(null) }, gettext("Cancel")),
        el("button", { class: "button primary" }, gettext("Save")))));
}
