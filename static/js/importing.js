// Bringing conversations in from a file: read here, and sent in parts that the server takes at once.

import { request } from "./api.js";
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { gettext, ngettext, said } from "./language.js";

const AT_ONCE = 20; // conversations
const BYTES_AT_ONCE = 1_500_000;
const MOST_BYTES = 200_000_000; // of a file: it is read whole
const REFUSALS_SHOWN = 10;

const failure = (message, advice = "") => Object.assign(new Error(message), { advice });

// Of ChatGPT's export what is needed; the rest of it is not sent.
function slim(row) {
  if (!row?.mapping || typeof row.mapping !== "object") return row;
  const nodes = Object.entries(row.mapping).map(([key, node]) => [key, { parent: node?.parent ?? null, message: slimMessage(node?.message) }]);
  return { title: row.title, mapping: Object.fromEntries(nodes) };
}

function slimMessage(message) {
  if (!message || typeof message !== "object") return null;
  const { author, content, recipient, metadata } = message;
  const parts = Array.isArray(content?.parts) ? content.parts.filter((part) => typeof part === "string") : null;
  return { author: { role: author?.role }, content: { parts }, recipient, metadata: { is_visually_hidden_from_conversation: metadata?.is_visually_hidden_from_conversation } };
}

const sizeOf = (row) => new TextEncoder().encode(JSON.stringify(row)).length;

// Parts of a list, none of which is too large or has too many.
export function partsOfList(rows) {
  const parts = [];
  let size = 0;
  for (const row of rows) {
    const length = sizeOf(row);
    if (!parts.length || parts.at(-1).length === AT_ONCE || size + length > BYTES_AT_ONCE) (parts.push([]), (size = 0));
    parts.at(-1).push(row);
    size += length;
  }
  return parts;
}

async function rowsOf(file) {
  if (file.size > MOST_BYTES) throw failure(gettext("This file is too large."));
  let value = null;
  try {
    value = JSON.parse(await file.text());
  } catch {
    throw failure(gettext("This file is not JSON."), gettext("Choose a JSON file that was exported here, or conversations.json of ChatGPT's export."));
  }
  return (Array.isArray(value) ? value : [value]).map(slim);
}

export function importConversations(onChanged) {
  const input = el("input", { type: "file", accept: ".json,application/json", required: true, autofocus: true });
  const told = el("div", { role: "status" });
  const send = el("button", { class: "button primary" }, gettext("Import"));
  const start = async (event) => {
    event.preventDefault();
    send.disabled = true;
    await bringIn(input.files[0], told);
    send.disabled = false;
    onChanged();
  };
  return openDialog(gettext("Import conversations"), (answer) =>
    el("form", { method: "dialog", onsubmit: start },
      el("p", {}, gettext("From a JSON file that was exported here, or conversations.json of ChatGPT's export. Answers are marked as imported, and have no sources.")),
      el("label", { class: "field" }, gettext("File"), input), told,
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", onclick: () => answer(null) }, gettext("Close")), send)));
}

async function bringIn(file, told) {
  const refused = [];
  let done = 0;
  try {
    const rows = await rowsOf(file);
    const fits = (row) => sizeOf(row) <= BYTES_AT_ONCE;
    const tooLarge = { message: gettext("It is too large.") };
    refused.push(...rows.filter((row) => !fits(row)).map((row) => ({ title: String(row?.title ?? ""), error: tooLarge })));
    for (const part of partsOfList(rows.filter(fits))) {
      told.replaceChildren(el("p", {}, gettext("%(done)s of %(all)s", { done: done + refused.length, all: rows.length })));
      const answer = await request("POST", "/api/conversations/import/", part, { timeout: 120000 });
      done += answer.conversations.length;
      refused.push(...answer.refused);
    }
    told.replaceChildren(...outcome(done, refused));
  } catch (error) {
    told.replaceChildren(...outcome(done, refused), el("p", { class: "notice problem", role: "alert" }, `${said(error.message)} ${said(error.advice ?? "")}`));
  }
}

function outcome(done, refused) {
  const parts = [el("p", {}, ngettext("One conversation was imported.", "%(count)s conversations were imported.", done))];
  if (!refused.length) return parts;
  const shown = refused.slice(0, REFUSALS_SHOWN).map(({ title, error }) => el("li", { dir: "auto" }, `${title || gettext("New conversation")}: ${said(error.message)}`));
  return [...parts, el("p", {}, ngettext("One was refused:", "%(count)s were refused:", refused.length)), el("ul", {}, ...shown)];
}
