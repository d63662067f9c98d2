// Choosing a folder for conversations, and naming one.

import { request } from "./api.js";
import { askForText, confirmWith, openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { gettext, ngettext } from "./language.js";

const NEW = "new";

// -> {folder: id or null}, or {name} of a new one; null: the dialog was closed
export function chooseFolder(folders, chosen, count) {
  const select = el("select", { autofocus: true },
    el("option", { value: "" }, gettext("No folder")),
    ...folders.map(({ id, name }) => el("option", { value: id, selected: id === chosen }, name || gettext("Cannot be opened"))),
    el("option", { value: NEW }, gettext("New folder…")));
  const input = el("input", { type: "text", maxlength: 80, dir: "auto" });
  const naming = el("label", { class: "field", hidden: true }, gettext("Name of the new folder"), input);
  const changed = () => {
    naming.hidden = select.value !== NEW;
    input.required = select.value === NEW;
    if (select.value === NEW) input.focus();
  };
  select.addEventListener("change", changed);
  if (!folders.length) select.value = NEW;
  const said = () => (select.value === NEW ? { name: input.value.trim() } : { folder: select.value || null });
  const title = ngettext("Move the conversation", "Move %(count)s conversations", count);
  const chosenFolder = openDialog(title, (answer) =>
    el("form", { method: "dialog", onsubmit: (event) => (event.preventDefault(), answer(said())) },
      el("label", { class: "field" }, gettext("Folder"), select), naming,
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", onclick: () => answer(null) }, gettext("Cancel")),
        el("button", { class: "button primary" }, gettext("Move")))));
  changed();
  return chosenFolder;
}

// -> the id of the folder that was chosen, made where it is a new one
export async function idOf({ folder, name }) {
  return name === undefined ? folder : (await request("POST", "/api/folders/", { name })).id;
}

export async function makeFolder() {
  const name = await askForText(gettext("New folder"), gettext("Name"), "");
  return name ? request("POST", "/api/folders/", { name }) : null;
}

export async function renameFolder({ id, name }) {
  const changed = await askForText(gettext("Rename the folder"), gettext("Name"), name);
  return changed ? request("PATCH", `/api/folders/${id}/`, { name: changed }) : null;
}

// -> whether it is gone
export async function deleteFolder({ id, name }) {
  const text = gettext("“%(name)s” will be gone. Its conversations stay.", { name });
  if (!(await confirmWith(gettext("Delete this folder?"), text, gettext("Delete")))) return false;
  await request("DELETE", `/api/folders/${id}/`);
  return true;
}
