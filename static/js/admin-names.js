// Django's administration leaves some of its controls without a name for screen readers; they get the one that is shown.

import { gettext } from "./language.js";

const words = (node) => node?.textContent.replace(/[:*]\s*$/, "").trim();
const labelOf = (field) => words(document.querySelector(`label[for="${CSS.escape(field.id)}"]`));

// Rows of a table have the heads of their columns for labels.
function headOf(field) {
  const cell = field.closest(".tabular td");
  const name = [...(cell?.classList ?? [])].find((one) => one.startsWith("field-"))?.slice("field-".length);
  return name && words(cell.closest("table").querySelector(`th.column-${CSS.escape(name)}`));
}

// A moment is a day and a time, which share one caption.
function captionOf(field) {
  const caption = words(field.closest("fieldset")?.querySelector("legend") ?? field.closest(".form-row")?.querySelector("label, .inline legend"));
  const own = field.closest(".datetime") && (field.classList.contains("vTimeField") ? gettext("Time") : gettext("Date"));
  return own && [caption, own].filter(Boolean).join(", ");
}

function nameFields(root) {
  for (const field of root.querySelectorAll(".tabular input:not([type=hidden]), .tabular select, .tabular textarea, .datetime input")) {
    const name = !labelOf(field) && (headOf(field) || captionOf(field));
    if (name) field.setAttribute("aria-label", name);
  }
}

// Select2 names its box after what is chosen alone, which is nothing at first.
function nameChoices(root) {
  for (const select of root.querySelectorAll("select.select2-hidden-accessible")) {
    const box = select.nextElementSibling?.querySelector(".select2-selection");
    const name = labelOf(select) || headOf(select);
    if (!box || !name) continue;
    const shown = box.querySelector(".select2-selection__rendered");
    shown?.setAttribute("aria-label", [name, shown.title].filter(Boolean).join(": "));
    box.removeAttribute("aria-labelledby");
    box.setAttribute("aria-label", [name, shown?.title].filter(Boolean).join(": "));
  }
}

function nameAll(root) {
  nameFields(root);
  nameChoices(root);
  for (const icon of root.querySelectorAll("span.help-tooltip[aria-label]")) icon.setAttribute("role", "img");
  for (const head of root.querySelectorAll("th.original:empty")) head.append(Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: gettext("Entry") }));
  const search = root.querySelector("#searchbar");
  if (search) search.setAttribute("aria-label", search.form.querySelector("[type=submit]").value);
}

// After Django's own scripts, which make these controls: some when the page is loaded, some when jQuery says so.
addEventListener("load", () => nameAll(document));
globalThis.django?.jQuery?.(() => nameAll(document));
document.addEventListener("formset:added", ({ target }) => nameAll(target));
document.addEventListener("change", ({ target }) => target.matches("select.select2-hidden-accessible") && nameChoices(target.parentNode));
