// Documents for the first collection: files on their way, and how far those that arrived have come.

import { request } from "./api.js";
import { BUSY, size, uploadRow } from "./document-rows.js";
import { el } from "./dom.js";
import { paintIngestion } from "./ingestion-panel.js";
import { gettext, number, said } from "./language.js";
import { bindUploads } from "./upload-controls.js";
import { Uploads } from "./uploads.js";

const byId = (id) => document.getElementById(id);
const { collection } = byId("upload").dataset;
const FIRST_LOOK = 700;
const LONGEST_WAIT = 10000;
const SHOWN = 20; // the rest is counted
const STATES = { received: gettext("Received"), parsing: gettext("Reading"), embedding: gettext("Indexing"), ready: gettext("Ready"), failed: gettext("Failed") };

const uploads = new Uploads();
const state = { documents: [], counts: {}, ingestion: null, seen: "", wait: FIRST_LOOK, timer: null };

const all = () => Object.values(state.counts).reduce((sum, one) => sum + one, 0);
const busy = () => [...BUSY].some((status) => state.counts[status]);

function tell(text) {
  byId("notice").hidden = !text;
  byId("notice").textContent = text ?? "";
}

async function look() {
  clearTimeout(state.timer);
  try {
    const [listed, ingestion] = await Promise.all([
      request("GET", `/api/collections/${collection}/documents/`),
      request("GET", `/api/ingestion/?collection=${collection}`),
    ]);
    if (state.broken) tell((state.broken = null));
    taken(listed, ingestion);
  } catch (error) {
    tell((state.broken = `${error.message} ${error.advice}`));
    state.wait = LONGEST_WAIT;
  }
  if (busy() || uploads.pending || state.broken) state.timer = setTimeout(look, state.wait);
}

function taken(listed, ingestion) {
  const seen = JSON.stringify([listed, ingestion]);
  state.wait = seen === state.seen ? Math.min(LONGEST_WAIT, state.wait * 1.5) : FIRST_LOOK;
  Object.assign(state, { documents: listed.documents, counts: listed.counts, ingestion, seen });
  paint();
}

function paint() {
  const sending = uploads.items.slice(0, SHOWN).map((item) => uploadRow(item, { again: (one) => uploads.again(one), drop: (one) => uploads.drop(one) }));
  byId("rows").replaceChildren(...sending, ...state.documents.slice(0, SHOWN).map(row));
  byId("ready").textContent = number(state.counts.ready ?? 0);
  paintIngestion(byId("ingestion"), state.ingestion, all(), { cancel: () => act("cancel"), retryAll: (code) => act("retry", code) });
}

function row({ name, size: bytes, status, error }) {
  const kind = BUSY.has(status) ? "busy" : status;
  return el("li", { class: "row" },
    el("div", {}, el("span", { class: "row-name", dir: "auto" }, name), el("span", { class: "row-facts" }, size(bytes))),
    el("span", { class: `state ${kind}` }, STATES[status] ?? status),
    status === "failed" && el("p", { class: "row-problem", dir: "auto" }, reason(error)));
}

function reason(error) {
  if (typeof error === "string" && error) return said(error);
  return [said(error?.message), said(error?.advice)].filter(Boolean).join(" ") || gettext("This file could not be read.");
}

async function act(what, code = null) {
  try {
    tell(null);
    await request("POST", `/api/ingestion/${what}/`, { collection, ...(code === null ? {} : { code }) });
  } catch (error) {
    tell(`${error.message} ${error.advice}`);
  }
  again();
}

function again() {
  state.wait = FIRST_LOOK;
  look();
}

function send(files) {
  if (!files.length) return;
  const left = uploads.add(collection, files);
  tell(left ? gettext("Too many files at once; send the rest when these are through.") : null);
  again();
}

bindUploads(uploads, { send, paint, again, known: tell });

await look();
