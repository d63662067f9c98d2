// Who can answer, who wrote an answer, and how a model is added: what the server says, nothing hard-wired.

import { request } from "./api.js";
import { openDialog } from "./dialogs.js";
import { el, withCommands } from "./dom.js";
import { gettext, said } from "./language.js";
import { isAdministrator } from "./person.js";

const QUOTES = "extractive";
const FIRST_STEP = "/admin/welcome/setup/model/";
const NEW_VERSION = "/admin/inference/modelversion/add/";

export const isQuoting = (engine) => engine === QUOTES;

// "local: NAME", "house: NAME" and "api: NAME" are how engines are called on the wire.
export function engineName(engine) {
  if (isQuoting(engine)) return gettext("Quotations, without a model");
  const [, kind, name] = /^(local|house|api): ?(.*)$/s.exec(engine) ?? [null, "", engine];
  if (kind === "local") return name ? gettext("%(name)s (on this server)", { name }) : gettext("A model on this server");
  if (kind === "house") return gettext("%(name)s (in this house)", { name });
  if (kind === "api") return name ? gettext("%(name)s (over an API)", { name }) : gettext("A model over an API");
  return name;
}

// What is known of an engine, and what it cannot do.
export const cardOf = (engine) => `/models/card/?engine=${encodeURIComponent(engine)}`;

// What each engine wrote of an answer; several when one took over from another. One that wrote no word is not named.
export function partsOf({ text, engine, written_by: writers }) {
  const characters = [...(text ?? "")];
  const all = writers?.length ? writers : [{ engine, from: 0 }];
  const parts = all.map(({ engine: by, from }, index) => ({ engine: by, from, text: characters.slice(from, all[index + 1]?.from).join("") }));
  return parts.filter((one) => one.engine && one.text.trim());
}

// Sentences of the documents; the quoting engine may also say that there are none.
export const hasQuotations = (part) => isQuoting(part.engine) && /\[\d+\]/.test(part.text);

// Where another engine went on than the one before. A copy of the same one is nobody else.
export function seamsOf(message) {
  const parts = partsOf(message);
  return parts.filter((part, index) => index && part.engine !== parts[index - 1].engine)
    .map(({ engine, from }) => ({ from, words: gettext("From here on: %(writer)s", { writer: isQuoting(engine) ? gettext("quoted from the documents") : engineName(engine) }) }));
}

export const isImported = (engine) => engine === "imported";

export function writtenBy(parts) {
  if (parts.length && parts.every((one) => isImported(one.engine))) return gettext("Imported: written elsewhere, without sources that could be checked.");
  const models = [...new Set(parts.map((one) => one.engine).filter((one) => !isQuoting(one)))].map(engineName);
  const quoted = parts.some(hasQuotations);
  if (!models.length) return quoted ? gettext("Quoted from the documents") : gettext("Answered without a language model");
  const names = { models: models.join(gettext(", then ")) };
  return quoted ? gettext("Written by %(models)s, then quoted from the documents", names) : gettext("Written by %(models)s", names);
}

// Why engines that come first do not write; a later note may say it again.
export function notesOf({ written_by: writers }) {
  const notes = (writers ?? []).map((one) => one.note).filter(Boolean);
  return notes.filter((note, index) => !notes.slice(index + 1).some((later) => later.includes(note)));
}

export function explainModels() {
  const body = el("div", {}, el("p", { class: "quiet-text" }, gettext("Looking…")));
  fill(body);
  return openDialog(gettext("Who can answer"), () =>
    el("div", {}, body,
      el("form", { method: "dialog", class: "dialog-actions" }, el("button", { class: "button primary", autofocus: true }, gettext("Close")))),
    { wide: true });
}

for (const button of document.querySelectorAll("[data-models]")) button.addEventListener("click", explainModels);

async function fill(body) {
  try {
    const { engines } = await request("GET", "/api/engines/");
    body.replaceChildren(
      el("p", { class: "quiet-text" }, `${gettext("Of those meant for the question, the first one that is available answers; when it fails, the next one takes over.")} `,
        engines.some((one) => one.outside) && gettext("What must stay in the house goes to no outside provider.")),
      ...engines.map(describe), ...(isAdministrator() ? [waysToAdd()] : []));
  } catch (error) {
    body.replaceChildren(el("p", {}, `${error.message} ${error.advice}`));
  }
}

function waysToAdd() {
  const way = (href, words) => el("a", { href }, words);
  return el("p", { class: "quiet-text" }, `${gettext("Add a model:")} `,
    way(FIRST_STEP, gettext("First steps › Model")), " · ", way(NEW_VERSION, gettext("Model versions › Add")));
}

function describe(engine) {
  const { problem, elsewhere, now, place, meant_for: meant } = engine;
  const state = now ? gettext("Answers now") : problem ? gettext("Not available") : elsewhere ? gettext("Other routes") : place === null ? gettext("Answers some") : gettext("Takes over");
  return el("section", { class: "engine" },
    el("h3", { dir: "auto" }, engineName(engine.name), el("span", { class: now ? "badge now" : "badge" }, state),
      engine.outside && el("span", { class: "badge" }, gettext("Outside provider"))),
    meant && el("p", {}, said(`${meant[0].toUpperCase()}${meant.slice(1)}.`)),
    problem && el("p", {}, said(problem)),
    isQuoting(engine.name) && el("p", {}, gettext("Finds the best sentences in the documents and quotes them word for word. Always there.")),
    engine.advice && el("p", { class: "quiet-text advice" }, ...withCommands(said(engine.advice))),
    el("p", {}, el("a", { href: cardOf(engine.name) }, gettext("Model card"), el("span", { class: "visually-hidden" }, ` ${gettext("of %(name)s", { name: engineName(engine.name) })}`))));
}
