// The documents page: collections on one side; upload, progress and the list of documents on the other.

import { request } from "./api.js";
import { collectionForm, deleteCollection, paintCollections, readersOf } from "./collections.js";
import { confirmWith } from "./dialogs.js";
import { BUSY, documentRow, uploadRow } from "./document-rows.js";
import { announce, el } from "./dom.js";
import { closeSidebar } from "./sidebar.js";
import { Uploads, droppedFiles } from "./uploads.js";
import "./engines.js";
import "./theme.js";

const byId = (id) => document.getElementById(id);
const FIRST_LOOK = 700;
const LONGEST_WAIT = 10000;
const MOST_SHOWN = 500;
const FILTERS = { all: "All", busy: "In progress", failed: "Failed" };

const uploads = new Uploads();
const state = { collections: [], current: null, documents: [], filter: "all", wait: FIRST_LOOK, timer: null };
const editCollection = collectionForm(async (collection) => {
  await loadCollections();
  if (collection.id === state.current) paintHead();
  else open(collection.id);
});

function tell(text, problem = true) {
  const notice = byId("notice");
  notice.hidden = !text;
  notice.classList.toggle("problem", problem);
  notice.textContent = text ?? "";
}

async function attempt(action) {
  try {
    tell(null);
    return await action();
  } catch (error) {
    tell(`${error.message} ${error.advice}`);
    return null;
  }
}

async function loadCollections() {
  const answer = await attempt(() => request("GET", "/api/collections/"));
  if (!answer) return;
  state.collections = answer.collections;
  byId("no-collection").hidden = state.collections.length > 0;
  paintCollections(byId("collections"), state.collections, state.current, open);
}

function open(id) {
  Object.assign(state, { current: id, documents: [], seen: null, wait: FIRST_LOOK });
  byId("rows").replaceChildren();
  byId("none").hidden = true;
  closeSidebar();
  paintHead();
  paintCollections(byId("collections"), state.collections, id, open);
  history.replaceState({}, "", id ? `#${id}` : location.pathname);
  look();
}

const opened = () => state.collections.find((one) => one.id === state.current);

function paintHead() {
  const collection = opened();
  byId("collection").hidden = byId("collection-actions").hidden = !collection;
  byId("title").textContent = collection?.name ?? "Documents";
  byId("description").textContent = collection?.description ?? "";
  byId("readers").textContent = collection ? readersOf(collection) : "";
}

async function removeCollection() {
  const { id, name } = opened();
  if (!(await attempt(() => deleteCollection(id)))) return;
  announce(`${name} deleted`);
  uploads.forget(id);
  await loadCollections();
  open(state.collections.find((one) => one.id !== id)?.id ?? null);
  byId("page").focus(); // the buttons of the collection went with it
}

// Looks again while something is in progress, less and less often as long as nothing changes.
async function look() {
  clearTimeout(state.timer);
  const wanted = state.current;
  if (!wanted) return;
  try {
    const { documents, counts } = await request("GET", `/api/collections/${wanted}/documents/`);
    if (wanted !== state.current) return;
    if (state.broken) tell((state.broken = null));
    const seen = JSON.stringify(documents);
    if (seen === state.seen) state.wait = Math.min(LONGEST_WAIT, state.wait * 1.5);
    else {
      Object.assign(state, { documents, seen, wait: FIRST_LOOK });
      paint();
      count(counts);
    }
  } catch (error) {
    if (wanted !== state.current) return;
    tell((state.broken = `${error.message} ${error.advice}`));
    state.wait = LONGEST_WAIT;
  }
  if (state.documents.some((one) => BUSY.has(one.status)) || uploads.pending) state.timer = setTimeout(look, state.wait);
}

function count(counts) {
  const collection = opened();
  if (!collection) return;
  collection.documents = Object.values(counts).reduce((sum, one) => sum + one, 0);
  paintCollections(byId("collections"), state.collections, state.current, open);
}

const matches = (item) => {
  if (state.filter === "busy" && !BUSY.has(item.status)) return false;
  if (state.filter === "failed" && item.status !== "failed") return false;
  return item.name.toLocaleLowerCase().includes(byId("filter").value.trim().toLocaleLowerCase());
};

function paint() {
  const focused = byId("rows").contains(document.activeElement) ? document.activeElement : null;
  const name = focused?.getAttribute("aria-label") ?? focused?.textContent;
  const sending = uploads.items.filter((item) => item.collection === state.current);
  const underWay = new Set(sending.filter((item) => item.state === "sending").map((item) => item.file.name));
  const shown = state.documents.filter((item) => matches(item) && !(BUSY.has(item.status) && underWay.has(item.name)));
  byId("rows").replaceChildren(
    ...sending.slice(0, 100).map((item) => uploadRow(item, { again: (one) => uploads.again(one), drop: (one) => uploads.drop(one) })),
    ...shown.slice(0, MOST_SHOWN).map((item) => documentRow(item, { retry, remove })));
  if (focused) [...byId("rows").querySelectorAll("a, button")].find((one) => (one.getAttribute("aria-label") ?? one.textContent) === name)?.focus();
  byId("filters").hidden = !state.documents.length;
  paintFilters();
  paintNone(shown.length);
}

function paintFilters() {
  const numbers = {
    all: state.documents.length,
    busy: state.documents.filter((one) => BUSY.has(one.status)).length,
    failed: state.documents.filter((one) => one.status === "failed").length,
  };
  byId("counts").replaceChildren(...Object.entries(FILTERS).map(([key, label]) =>
    el("button", { type: "button", "aria-pressed": String(state.filter === key), onclick: () => ((state.filter = key), paint()) }, `${label} ${numbers[key]}`)));
}

function paintNone(shown) {
  byId("none").hidden = state.seen === null || byId("rows").children.length > 0 && shown <= MOST_SHOWN;
  if (shown > MOST_SHOWN) byId("none").textContent = `The first ${MOST_SHOWN} of ${shown} are shown. Filter by name to see others.`;
  else byId("none").textContent = state.documents.length ? "No document matches." : "This collection holds no documents yet.";
}

async function retry(item) {
  if (await attempt(() => request("POST", `/api/documents/${item.id}/retry/`))) again();
}

async function remove(item) {
  if (!(await confirmWith("Delete this document?", `“${item.name}” will no longer be found or quoted.`, "Delete"))) return;
  await attempt(async () => {
    await request("DELETE", `/api/documents/${item.id}/`);
    announce(`${item.name} deleted`);
    focusAfter(item);
  });
  again();
}

// The row is about to go, and the focus with it.
function focusAfter(item) {
  const row = byId("rows").querySelector(`[data-id="${item.id}"]`);
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  (beside?.querySelector("a, button") ?? byId("filter")).focus();
}

function again() {
  state.wait = FIRST_LOOK;
  look();
}

function send(files) {
  if (!state.current || !files.length) return;
  const left = uploads.add(state.current, files);
  tell(left ? `${left} files are too many at once; send them when these are through.` : null);
  announce(`Sending ${files.length} files`);
  again();
}

const picked = (input) => [...input.files].map((file) => ({ file, path: file.webkitRelativePath }));
for (const [input, button] of [["files", "pick-files"], ["folder", "pick-folder"]]) {
  byId(button).addEventListener("click", () => byId(input).click());
  byId(input).addEventListener("change", (event) => (send(picked(event.target)), (event.target.value = "")));
}
addEventListener("dragover", (event) => (event.preventDefault(), byId("drop").classList.add("over")));
addEventListener("dragleave", (event) => event.relatedTarget || byId("drop").classList.remove("over"));
addEventListener("drop", async (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  send(await droppedFiles(event.dataTransfer));
});
uploads.addEventListener("changed", paint);
uploads.addEventListener("progress", ({ detail }) => {
  const bar = byId("rows").querySelector(`[data-id="${detail.key}"] progress`);
  if (bar) bar.value = detail.progress;
});
uploads.addEventListener("received", ({ detail }) => {
  if (detail.outcome === "duplicate") tell(`${detail.item.file.name} is here already, so it was not added again.`, false);
  again();
});
addEventListener("beforeunload", (event) => uploads.pending && event.preventDefault());
byId("filter").addEventListener("input", paint);
byId("new-collection").addEventListener("click", () => editCollection());
byId("first-collection").addEventListener("click", () => editCollection());
byId("edit-collection").addEventListener("click", () => editCollection(opened()));
byId("delete-collection").addEventListener("click", removeCollection);
document.addEventListener("keydown", (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && closeSidebar());

await loadCollections();
const wanted = location.hash.slice(1);
if (state.collections.length) open(state.collections.find((one) => one.id === wanted)?.id ?? state.collections[0].id);
