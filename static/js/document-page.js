// The page of one document: its buttons.

import { request } from "./api.js";
import { confirmWith } from "./dialogs.js";
import { editReaders } from "./document-readers.js";

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
  const text = "Its file is read, cut and indexed anew. Until that is done it is not found, and answers that cite it lose their passages.";
  if ((await confirmWith("Read this document again?", text, "Read it again")) && (await post("again"))) location.reload();
}

async function readers() {
  if (await editReaders(item, page.dataset.shared, JSON.parse(page.dataset.groups))) location.reload();
}

async function remove() {
  if (!(await confirmWith("Delete this document?", `“${item.name}” will no longer be found or quoted.`, "Delete"))) return;
  if (await attempt(() => request("DELETE", `/api/documents/${item.id}/`))) location.assign(`/documents/#${page.dataset.collection}`);
}

for (const [id, act] of Object.entries({ retry, again, readers, delete: remove })) document.getElementById(id)?.addEventListener("click", act);
