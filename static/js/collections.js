// The collections: their list, and the form that makes one.

import { request } from "./api.js";
import { el } from "./dom.js";

export function paintCollections(root, collections, current, onOpen) {
  const focused = [...root.children].indexOf(document.activeElement);
  root.replaceChildren(...collections.map((one) =>
    el("button", { type: "button", "aria-current": one.id === current ? "page" : null, onclick: () => onOpen(one.id), dir: "auto" },
      el("span", { class: "clamped", title: one.name }, one.name), el("span", { class: "count", "aria-label": `${one.documents} documents` }, String(one.documents)))));
  root.children[focused]?.focus();
}

export function readersOf(collection) {
  if (collection.everyone) return "Everyone who can sign in may read it";
  if (!collection.readers.length) return "Only administrators may read it";
  return `Readers: ${collection.readers.join(", ")}`;
}

export function collectionForm(onCreated) {
  const dialog = document.getElementById("collection-dialog");
  const form = document.getElementById("collection-form");
  const problem = document.getElementById("collection-error");
  document.getElementById("collection-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const everyone = data.get("who") === "everyone";
    const body = { name: data.get("name").trim(), description: data.get("description").trim(), everyone, readers: everyone ? [] : data.getAll("group") };
    try {
      const { collection } = await request("POST", "/api/collections/", body);
      dialog.close();
      onCreated(collection);
    } catch (error) {
      problem.hidden = false;
      problem.textContent = `${error.message} ${error.advice}`;
    }
  });
  return () => {
    form.reset();
    problem.hidden = true;
    dialog.showModal();
  };
}
