// The documents page: collections on one side; upload, progress and the list of documents on the other.

import { request } from "./api.js";
import { collectionForm, deleteCollection, paintCollections, readersOf, whoReads } from "./collections.js";
import { confirmWith } from "./dialogs.js";
import { editReaders } from "./document-readers.js";
import { BUSY, documentRow, uploadRow } from "./document-rows.js";
import { announce, el } from "./dom.js";
import { paintIngestion } from "./ingestion-panel.js";
import { gettext, ngettext, number } from "./language.js";
import { closeSidebar } from "./sidebar.js";
import { bindUploads } from "./upload-controls.js";
import { Uploads } from "./uploads.js";
import "./engines.js";
import "./theme.js";

const byId = (id) => document.getElementById(id);
const FIRST_LOOK = 700;
const LONGEST_WAIT = 10000;
const MANY = 200; // documents on their way: then looks are not that close together
const A_PAGE = 100;
const TYPING_PAUSE = 250;
const FILTERS = { "": gettext("All"), busy: gettext("In progress"), failed: gettext("Failed") };

const uploads = new Uploads();
const state = { collections: [], current: null, documents: [], counts: {}, filter: "", page: 1, pages: 1, total: 0, wait: FIRST_LOOK, timer: null };
const editCollection = collectionForm(async (collection, recut) => {
  await loadCollections();
  if (collection.id === state.current) paintHead();
  else open(collection.id);
  if (recut && state.collections.find((one) => one.id === collection.id)?.documents) tellOfReindex();
});

function tellOfReindex() {
  tell(gettext("New documents are cut by the new sizes; those that are here follow with the next re-index."), false);
  byId("notice").append(" ", el("a", { href: byId("notice").dataset.versions }, gettext("Index versions")));
}

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
  state.collections = answer.collections.filter((one) => one.curated);
  byId("no-collection").hidden = state.collections.length > 0;
  paintCollections(byId("collections"), state.collections, state.current, open);
}

function open(id) {
  Object.assign(state, { current: id, documents: [], counts: {}, ingestion: null, filter: "", page: 1, pages: 1, total: 0, seen: null, begun: null, wait: FIRST_LOOK });
  byId("filter").value = "";
  byId("rows").replaceChildren();
  byId("none").hidden = byId("pager").hidden = byId("ingestion").hidden = true;
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
  byId("sample").hidden = !collection || state.collections.length < 2 || byId("sample").dataset.collection !== collection.id;
  byId("title").textContent = collection?.name ?? gettext("Documents");
  byId("description").textContent = collection?.description ?? "";
  byId("readers").textContent = collection ? readersOf(collection) : "";
  byId("collection-readers").href = `/collections/${collection?.id}/readers/`;
  byId("collection-bench").href = `/documents/search/?collection=${collection?.id}`;
}

async function removeCollection() {
  const { id, name } = opened();
  if (!(await attempt(() => deleteCollection(id)))) return;
  announce(gettext("%(name)s deleted", { name }));
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
  const query = new URLSearchParams({ page: state.page, size: A_PAGE, status: state.filter, name: byId("filter").value.trim() });
  const asked = (state.asked = `${wanted}?${query}`);
  try {
    const [listed, ingestion] = await Promise.all([
      request("GET", `/api/collections/${wanted}/documents/?${query}`),
      request("GET", `/api/ingestion/?collection=${wanted}`),
    ]);
    if (asked !== state.asked) return;
    if (state.broken) tell((state.broken = null));
    taken(listed, ingestion);
    sayEnded();
  } catch (error) {
    if (asked !== state.asked) return;
    tell((state.broken = `${error.message} ${error.advice}`));
    state.wait = LONGEST_WAIT;
  }
  if (busy() || uploads.pending) state.timer = setTimeout(look, busy() > MANY ? Math.max(state.wait, 3 * FIRST_LOOK) : state.wait);
}

function taken(listed, ingestion) {
  const seen = JSON.stringify([listed, ingestion]);
  if (seen === state.seen) {
    state.wait = Math.min(LONGEST_WAIT, state.wait * 1.5);
    return;
  }
  const { documents, counts, page, pages, total } = listed;
  const before = state.seen === null ? counts : state.counts;
  Object.assign(state, { documents, counts, page, pages, total, ingestion, seen, wait: FIRST_LOOK });
  if (busy()) state.begun = least(state.begun ?? before, counts);
  paint();
  count();
}

// What of a collection is not from the work that is under way: so its end can tell what came of that alone.
const least = (one, other) => Object.fromEntries(["ready", "failed"].map((status) => [status, Math.min(one[status] ?? 0, other[status] ?? 0)]));

function sayEnded() {
  if (!state.begun || busy() || uploads.pending) return;
  const [ready, failed] = ["ready", "failed"].map((status) => Math.max(0, (state.counts[status] ?? 0) - state.begun[status]));
  state.begun = null;
  if (!ready && !failed) return; // it was called off or deleted
  const values = { ready: number(ready), failed: number(failed) };
  announce(failed ? gettext("Nothing is on its way any more: %(ready)s ready, %(failed)s failed", values) : gettext("Nothing is on its way any more: %(ready)s ready", values));
}

const all = () => Object.values(state.counts).reduce((sum, one) => sum + one, 0);
const busy = () => [...BUSY].reduce((sum, status) => sum + (state.counts[status] ?? 0), 0);

function count() {
  const collection = opened();
  if (!collection) return;
  collection.documents = all();
  paintCollections(byId("collections"), state.collections, state.current, open);
}

function paint() {
  const focused = byId("rows").contains(document.activeElement) ? document.activeElement : null;
  const name = focused?.getAttribute("aria-label") ?? focused?.textContent;
  const sending = uploads.items.filter((item) => item.collection === state.current);
  const underWay = new Set(sending.filter((item) => item.state === "sending").map((item) => item.file.name));
  const shown = state.documents.filter((item) => !(BUSY.has(item.status) && underWay.has(item.name)));
  byId("rows").replaceChildren(
    ...sending.slice(0, 100).map((item) => uploadRow(item, { again: (one) => uploads.again(one), drop: (one) => uploads.drop(one) })),
    ...shown.map((item) => documentRow(item, { retry, readers, remove })));
  if (focused) [...byId("rows").querySelectorAll("a, button")].find((one) => (one.getAttribute("aria-label") ?? one.textContent) === name)?.focus();
  byId("filters").hidden = !all();
  paintIngestion(byId("ingestion"), state.ingestion, all(), { cancel: cancelWaiting, retryAll });
  paintFilters();
  paintPager();
  byId("none").hidden = state.seen === null || byId("rows").children.length > 0;
  byId("none").textContent = all() ? gettext("No document matches.") : gettext("This collection holds no documents yet.");
}

function paintFilters() {
  const numbers = { "": all(), busy: busy(), failed: state.counts.failed ?? 0 };
  const focused = [...byId("counts").children].indexOf(document.activeElement);
  byId("counts").replaceChildren(...Object.entries(FILTERS).map(([key, label]) =>
    el("button", { type: "button", "aria-pressed": String(state.filter === key), onclick: () => show({ filter: key, page: 1 }) }, `${label} ${number(numbers[key])}`)));
  byId("counts").children[focused]?.focus();
}

function paintPager() {
  byId("pager").hidden = state.pages < 2;
  byId("page-number").textContent = ngettext("Page %(page)s of %(pages)s, %(count)s document", "Page %(page)s of %(pages)s, %(count)s documents", state.total, { page: number(state.page), pages: number(state.pages) });
  byId("page-before").disabled = state.page <= 1;
  byId("page-after").disabled = state.page >= state.pages;
}

function show(wish) {
  Object.assign(state, wish);
  again();
}

async function retry(item) {
  if (await attempt(() => request("POST", `/api/documents/${item.id}/retry/`))) again();
}

async function readers(item) {
  if (!(await editReaders(item, whoReads(opened())))) return;
  announce(gettext("Readers of %(name)s changed", item));
  again();
}

async function retryAll(code) {
  const answer = await attempt(() => request("POST", "/api/ingestion/retry/", { collection: state.current, ...(code === null ? {} : { code }) }));
  if (answer) announce(ngettext("%(count)s document is tried again", "%(count)s documents are tried again", answer.documents));
  again();
}

async function cancelWaiting(waiting) {
  const text = ngettext("%(count)s document waits to be read or indexed. They will be listed as failed, and can be tried again.",
    "%(count)s documents wait to be read or indexed. They will be listed as failed, and can be tried again.", waiting, { count: waiting });
  if (!(await confirmWith(gettext("Call off what waits?"), text, gettext("Call off")))) return;
  const answer = await attempt(() => request("POST", "/api/ingestion/cancel/", { collection: state.current }));
  if (answer) announce(ngettext("%(count)s document called off", "%(count)s documents called off", answer.documents));
  again();
}

async function remove(item) {
  if (!(await confirmWith(gettext("Delete this document?"), gettext("“%(name)s” will no longer be found or quoted.", item), gettext("Delete")))) return;
  await attempt(async () => {
    await request("DELETE", `/api/documents/${item.id}/`);
    announce(gettext("%(name)s deleted", item));
    focusAfter(item);
  });
  again();
}

// The row is about to go, and the focus with it.
function focusAfter(item) {
  const row = byId("rows").querySelector(`[data-id="${item.id}"]`);
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  (beside?.querySelector(".row-buttons button:last-of-type") ?? byId("filter")).focus();
}

function again() {
  state.wait = FIRST_LOOK;
  look();
}

function send(files) {
  if (!state.current || !files.length) return;
  const left = uploads.add(state.current, files);
  tell(left ? ngettext("%(count)s file is too many at once; send it when these are through.", "%(count)s files are too many at once; send them when these are through.", left) : null);
  announce(ngettext("Sending %(count)s file", "Sending %(count)s files", files.length));
  again();
}

bindUploads(uploads, { send, paint, again, known: (words) => tell(words, false) });
byId("filter").addEventListener("input", () => {
  clearTimeout(state.typing);
  state.typing = setTimeout(() => show({ page: 1 }), TYPING_PAUSE);
});
byId("page-before").addEventListener("click", () => show({ page: state.page - 1 }));
byId("page-after").addEventListener("click", () => show({ page: state.page + 1 }));
byId("new-collection").addEventListener("click", () => editCollection());
byId("first-collection").addEventListener("click", () => editCollection());
byId("edit-collection").addEventListener("click", () => editCollection(opened()));
byId("delete-collection").addEventListener("click", removeCollection);
document.addEventListener("keydown", (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && closeSidebar());

await loadCollections();
const wanted = location.hash.slice(1);
if (state.collections.length) open(state.collections.find((one) => one.id === wanted)?.id ?? state.collections[0].id);
