// Who may read a document: whoever reads its collection, or of those only some groups.

import { request } from "./api.js";
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { gettext } from "./language.js";

// What its row says; nothing where the collection says it all.
export function ownReaders({ restricted, readers }) {
  if (!restricted) return null;
  return readers.length ? gettext("Only for %(names)s", { names: readers.join(", ") }) : gettext("Only for administrators");
}

// -> whether it was changed
export function editReaders(item, collection, known = offered()) {
  return openDialog(gettext("Who may read “%(name)s”?", item), (answer) => {
    const boxes = [...new Set([...known, ...item.readers])].map((name) => el("input", { type: "checkbox", name: "group", value: name, checked: item.readers.includes(name) }));
    const problem = el("p", { class: "field-error", role: "alert", hidden: true });
    const form = el("form", { method: "dialog" },
      el("fieldset", {},
        el("legend", { class: "visually-hidden" }, gettext("Readers")),
        choice("collection", !item.restricted, gettext("Whoever may read the collection: %(names)s", { names: collection })),
        choice("groups", item.restricted, gettext("Of those, only these groups")),
        el("div", { class: "groups" }, ...boxes.map((box) => el("label", { class: "choice" }, box, ` ${box.value}`))),
        el("p", { class: "quiet-text" }, gettext("Administrators may read it in any case. It counts from the next question on."))),
      problem,
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", onclick: () => answer(null) }, gettext("Cancel")),
        el("button", { class: "button primary" }, gettext("Save"))));
    form.addEventListener("change", ({ target }) => target.name === "group" && target.checked && (form.elements.who.value = "groups"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const restricted = form.elements.who.value === "groups";
      const readers = restricted ? boxes.filter((box) => box.checked).map((box) => box.value) : [];
      try {
        await request("PATCH", `/api/documents/${item.id}/`, { restricted, readers });
        answer(true);
      } catch (error) {
        problem.hidden = false;
        problem.textContent = `${error.message} ${error.advice}`;
      }
    });
    return form;
  });
}

function choice(value, checked, label) {
  return el("label", { class: "choice" }, el("input", { type: "radio", name: "who", value, checked }), ` ${label}`);
}

// The groups that the form of collections came with; a document may have others, which were made since.
function offered() {
  return [...document.querySelectorAll('#collection-form [name="group"]')].map((box) => box.value);
}
