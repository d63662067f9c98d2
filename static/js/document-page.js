// The page of one document: its buttons.

import { request } from "./api.js";
import { confirmWith } from "./dialogs.js";
import { editReaders } from "./document-readers.js";
import { gettext } from "./language.js";

const page = document.getElementById("page");
const item = JSON.parse(page.dataset.document);
const problem = document.getElementById("problem");

async function attempt(work) {
  problem.hidden = true;
  try {
    return (await work()) ?? true;
  } catch (error) {
    problem.hidden = false;
    problem.textContent = `${error.message} ${error.advice}`;
    return false;
  }
}

const post = (what) => attempt(() => request("POST", `/api/documents/${item.id}/${what}/`));

async function retry() {
  if (await post("retry")) location.reload();
}

async function again() {
  const text = gettext("Its file is read, cut and indexed anew. Until that is done it is not found, and answers that cite it lose their passages.");
  if ((await confirmWith(gettext("Read this document again?"), text, gettext("Read it again"))) && (await post("again"))) location.reload();
}

async function readers() {
  if (await editReaders(item, page.dataset.shared, JSON.parse(page.dataset.groups))) location.reload();
}

async function remove() {
  if (!(await confirmWith(gettext("Delete this document?"), gettext("“%(name)s” will no longer be found or quoted.", item), gettext("Delete")))) return;
  if (await attempt(() => request("DELETE", `/api/documents/${item.id}/`))) location.assign(`/documents/#${page.dataset.collection}`);
}

for (const [id, act] of Object.entries({ retry, again, readers, delete: remove })) document.getElementById(id)?.addEventListener("click", act);
