// The collections: their list, who reads them, and the form that makes or changes one.

import { request } from "./api.js";
import { confirmWith } from "./dialogs.js";
import { el } from "./dom.js";
import { gettext, ngettext, number } from "./language.js";

const DELETION_TIMEOUT = 120000; // document by document

export function paintCollections(root, collections, current, onOpen) {
  const focused = [...root.children].indexOf(document.activeElement);
  root.replaceChildren(...collections.map((one) =>
    el("button", { type: "button", "aria-current": one.id === current ? "page" : null, onclick: () => onOpen(one.id) },
      el("span", { class: "clamped", title: one.name, dir: "auto" }, one.name), el("span", { class: "count", "aria-label": ngettext("%(count)s document", "%(count)s documents", one.documents) }, number(one.documents)))));
  root.children[focused]?.focus();
}

export function readersOf(collection) {
  if (collection.everyone) return gettext("Everyone who can sign in may read it");
  if (!collection.readers) return ""; // told administrators alone
  if (!collection.readers.length) return gettext("Those who look after it alone may read it");
  return gettext("Readers: %(names)s", { names: collection.readers.join(", ") });
}

// As part of a sentence.
export function whoReads(collection) {
  if (collection.everyone) return gettext("everyone who can sign in");
  return collection.readers.length ? collection.readers.join(", ") : gettext("those who look after it alone");
}

// -> a function that opens the form: empty for a new collection, filled for the one that it is given
export function collectionForm(onSaved) {
  const dialog = document.getElementById("collection-dialog");
  const form = document.getElementById("collection-form");
  const problem = document.getElementById("collection-error");
  let changed = null;
  const complain = (text) => {
    problem.hidden = !text;
    problem.textContent = text;
  };
  document.getElementById("collection-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("change", ({ target }) => target.name === "group" && target.checked && (form.elements.who.value = "groups"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { who, ...fields } = wishes(form, changed);
    if (who === "groups" && !fields.readers.length) return complain(gettext("Choose a group, or let those who look after it alone read it."));
    try {
      const { collection } = await request(changed ? "PATCH" : "POST", changed ? `/api/collections/${changed.id}/` : "/api/collections/", fields);
      dialog.close();
      onSaved(collection, Boolean(changed) && ("chunk_tokens" in fields || "chunk_overlap_tokens" in fields));
    } catch (error) {
      complain(`${error.message} ${error.advice}`);
    }
  });
  return (collection = null) => {
    changed = collection;
    form.reset();
    complain("");
    if (collection) fill(form, collection);
    document.getElementById("collection-heading").textContent = collection ? gettext("Edit the collection") : gettext("New collection");
    document.getElementById("collection-save").textContent = collection ? gettext("Save") : gettext("Create");
    dialog.showModal();
  };
}

function wishes(form, before) {
  const data = new FormData(form);
  const who = data.get("who");
  const readers = who === "groups" ? data.getAll("group") : [];
  const sizes = ["chunk_tokens", "chunk_overlap_tokens"].map((name) => [name, data.get(name) === "" ? null : Number(data.get(name))]);
  const cut = Object.fromEntries(sizes.filter(([name, size]) => size !== (before?.[name] ?? null)));
  return { who, ...cut, name: data.get("name").trim(), description: data.get("description").trim(), everyone: who === "everyone", readers };
}

function fill(form, collection) {
  form.elements.name.value = collection.name;
  form.elements.description.value = collection.description;
  for (const name of ["chunk_tokens", "chunk_overlap_tokens"]) form.elements[name].value = collection[name] ?? "";
  form.querySelector("details").open = (collection.chunk_tokens ?? collection.chunk_overlap_tokens ?? null) !== null;
  const groups = form.querySelector(".groups");
  const boxes = new Map([...groups.querySelectorAll("input")].map((box) => [box.value, box]));
  for (const group of collection.readers.filter((one) => !boxes.has(one))) { // made since the page was loaded
    boxes.set(group, el("input", { type: "checkbox", name: "group", value: group }));
    groups.append(el("label", { class: "choice" }, boxes.get(group), ` ${group}`));
  }
  for (const group of collection.readers) boxes.get(group).checked = true;
  const [onlyGroups] = form.querySelectorAll('[name="who"][value="groups"]');
  onlyGroups.disabled = !boxes.size;
  form.elements.who.value = collection.everyone ? "everyone" : collection.readers.length ? "groups" : "administrators";
}

// Asks first, with the number of documents that the server has now. -> whether it is gone
export async function deleteCollection(id) {
  const { collection } = await request("GET", `/api/collections/${id}/`);
  const { name, documents: held } = collection;
  const text = held
    ? ngettext("“%(name)s” and its one document will be deleted and no longer be found or quoted. This cannot be undone.",
      "“%(name)s” and its %(count)s documents will be deleted and no longer be found or quoted. This cannot be undone.", held, { name })
    : gettext("“%(name)s” holds no documents. It will be deleted. This cannot be undone.", { name });
  if (!(await confirmWith(gettext("Delete this collection?"), text, gettext("Delete")))) return false;
  await request("DELETE", `/api/collections/${id}/`, undefined, { timeout: DELETION_TIMEOUT });
  return true;
}
