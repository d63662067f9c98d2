// Who can answer, who wrote an answer, and how a model is added: what the server says, nothing hard-wired.

import { request } from "./api.js";
import { openDialog } from "./dialogs.js";
import { el, withCommands } from "./dom.js";

const QUOTES = "extractive";

export const isQuoting = (engine) => engine === QUOTES;

// "local: NAME" and "api: NAME" are how engines are called on the wire.
export function engineName(engine) {
  if (isQuoting(engine)) return "Quotations, without a model";
  const [, kind, name] = /^(local|api): ?(.*)$/s.exec(engine) ?? [null, "", engine];
  if (kind === "local") return name ? `${name} (on this server)` : "A model on this server";
  if (kind === "api") return name ? `${name} (over an API)` : "A model over an API";
  return name;
}

// Who wrote an answer; several when one took over from another.
export function writtenBy(message) {
  const engines = [...new Set([...(message.written_by ?? []).map((one) => one.engine), message.engine])].filter(Boolean);
  const models = engines.filter((one) => !isQuoting(one)).map(engineName);
  if (!models.length) return "Quoted from the documents";
  return `Written by ${models.join(", then ")}${engines.some(isQuoting) ? ", then quoted from the documents" : ""}`;
}

export function explainModels() {
  const body = el("div", {}, el("p", { class: "quiet-text" }, "Looking…"));
  fill(body);
  return openDialog("Who can answer", () =>
    el("div", {}, body,
      el("form", { method: "dialog", class: "dialog-actions" }, el("button", { class: "button primary", autofocus: true }, "Close"))),
    { wide: true });
}

for (const button of document.querySelectorAll("[data-models]")) button.addEventListener("click", explainModels);

async function fill(body) {
  try {
    const { engines, answering } = await request("GET", "/api/engines/");
    body.replaceChildren(
      el("p", { class: "quiet-text" }, "The first one that is available answers; when it fails, the next one takes over."),
      ...engines.map((engine) => describe(engine, answering)));
  } catch (error) {
    body.replaceChildren(el("p", {}, `${error.message} ${error.advice}`));
  }
}

function describe(engine, answering) {
  const state = engine.name === answering ? "Answers now" : engine.problem ? "Not available" : "Takes over";
  return el("section", { class: "engine" },
    el("h3", { dir: "auto" }, engineName(engine.name), el("span", { class: engine.name === answering ? "badge now" : "badge" }, state),
      engine.outside && el("span", { class: "badge" }, "Outside provider")),
    engine.problem && el("p", {}, engine.problem),
    isQuoting(engine.name) && el("p", {}, "Finds the best sentences in the documents and quotes them word for word. Always there."),
    engine.advice && el("p", { class: "quiet-text advice" }, ...withCommands(engine.advice)));
}
