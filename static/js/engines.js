// Who can answer, and how a model is added: what the server says, nothing hard-wired.

import { request } from "./api.js";
import { el } from "./dom.js";

export async function explainModels() {
  const body = el("div", {}, el("p", { class: "quiet-text" }, "Looking…"));
  const dialog = el("dialog", { class: "dialog wide" },
    el("h2", {}, "Who can answer"), body,
    el("form", { method: "dialog", class: "dialog-actions" }, el("button", { class: "button primary" }, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  try {
    const { engines, answering } = await request("GET", "/api/engines/");
    body.replaceChildren(...engines.map((engine) => describe(engine, answering)));
  } catch (error) {
    body.replaceChildren(el("p", {}, `${error.message} ${error.advice}`));
  }
}

function describe(engine, answering) {
  const state = engine.name === answering ? "Answers now" : engine.problem ? "Not available" : "Ready";
  return el("section", { class: "engine" },
    el("h3", {}, engine.name, el("span", { class: "badge" }, state), engine.outside && el("span", { class: "badge" }, "Outside the house")),
    engine.problem && el("p", {}, engine.problem),
    engine.advice && el("p", { class: "quiet-text advice" }, engine.advice));
}
