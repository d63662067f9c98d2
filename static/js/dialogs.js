// Two small questions to the person: "are you sure?" and "what name?".

import { el } from "./dom.js";

function ask(build) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "dialog" });
    const finish = (value) => {
      dialog.remove();
      resolve(value);
    };
    dialog.append(build((value) => (dialog.close(), finish(value))));
    dialog.addEventListener("cancel", () => finish(null));
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function confirmWith(title, text, action) {
  return ask((answer) =>
    el("form", { method: "dialog", onsubmit: (event) => (event.preventDefault(), answer(true)) },
      el("h2", {}, title),
      el("p", {}, text),
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", autofocus: true, onclick: () => answer(null) }, "Cancel"),
        el("button", { class: "button danger" }, action))));
}

export function askForText(title, label, value) {
  const input = el("input", { type: "text", value, maxlength: 200, required: true, autofocus: true });
  return ask((answer) =>
    el("form", { method: "dialog", onsubmit: (event) => (event.preventDefault(), answer(input.value.trim() || null)) },
      el("h2", {}, title),
      el("label", { class: "field" }, label, input),
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", onclick: () => answer(null) }, "Cancel"),
        el("button", { class: "button primary" }, "Save"))));
}
