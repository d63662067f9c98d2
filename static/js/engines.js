// Who can answer, who wrote an answer, and how a model is added: what the server says, nothing hard-wired.

import { request } from "./api.js";
import { openDialog } from "./dialogs.js";
import { el, withCommands } from "./dom.js";

const QUOTES = "extractive";

export const isQuoting = (engine) => engine === QUOTES;

// "local: NAME", "house: NAME" and "api: NAME" are how engines are called on the wire.
export function engineName(engine) {
  if (isQuoting(engine)) return "Quotations, without a model";
  const [, kind, name] = /^(local|house|api): ?(.*)$/s.exec(engine) ?? [null, "", engine];
  if (kind === "local") return name ? `${name} (on this server)` : "A model on this server";
  if (kind === "house") return `${name} (in this house)`;
  if (kind === "api") return name ? `${name} (over an API)` : "A model over an API";
  return name;
}

// What each engine wrote of an answer; several when one took over from another. One that wrote no word is not named.
export function partsOf({ text, engine, written_by: writers }) {
  const characters = [...(text ?? "")];
  const all = writers?.length ? writers : [{ engine, from: 0 }];
  const parts = all.map((one, index) => ({ engine: one.engine, text: characters.slice(one.from, all[index + 1]?.from).join("") }));
  return parts.filter((one) => one.engine && one.text.trim());
}

// Sentences of the documents; the quoting engine may also say that there are none.
export const hasQuotations = (part) => isQuoting(part.engine) && /\[\d+\]/.test(part.text);

export function writtenBy(parts) {
  const models = [...new Set(parts.map((one) => one.engine).filter((one) => !isQuoting(one)))].map(engineName);
  const quoted = parts.some(hasQuotations);
  if (!models.length) return quoted ? "Quoted from the documents" : "Answered without a language model";
  return `Written by ${models.join(", then ")}${quoted ? ", then quoted from the documents" : ""}`;
}

// Why engines that come first do not write; a later note may say it again.
export function notesOf({ written_by: writers }) {
  const notes = (writers ?? []).map((one) => one.note).filter(Boolean);
  return notes.filter((note, index) => !notes.slice(index + 1).some((later) => later.includes(note)));
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
      el("p", { class: "quiet-text" }, "The first one that is available answers, unless a route keeps it for other questions or people; when it fails, the next one takes over."),
      ...engines.map((engine) => describe(engine, answering)));
  } catch (error) {
    body.replaceChildren(el("p", {}, `${error.message} ${error.advice}`));
  }
}

function describe(engine, answering) {
  const now = engine.name === answering && !engine.problem; // copies of a service share their name
  const state = now ? "Answers now" : engine.problem ? "Not available" : "Takes over";
  return el("section", { class: "engine" },
    el("h3", { dir: "auto" }, engineName(engine.name), el("span", { class: now ? "badge now" : "badge" }, state),
      engine.outside && el("span", { class: "badge" }, "Outside provider")),
    engine.problem && el("p", {}, engine.problem),
    isQuoting(engine.name) && el("p", {}, "Finds the best sentences in the documents and quotes them word for word. Always there."),
    engine.advice && el("p", { class: "quiet-text advice" }, ...withCommands(engine.advice)));
}
