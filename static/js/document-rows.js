// The rows of the list: files that are being sent, and documents with how far they have come.

import { ownReaders } from "./document-readers.js";
import { el, icon, iconButton } from "./dom.js";
import { gettext, ngettext, number, said } from "./language.js";

const STATES = { received: gettext("Received"), parsing: gettext("Reading"), embedding: gettext("Indexing"), ready: gettext("Ready"), failed: gettext("Failed") };
export const BUSY = new Set(["received", "parsing", "embedding"]);

export function size(bytes) {
  if (bytes < 1000) return gettext("%(number)s B", { number: bytes });
    const power = Math.min(Math.floor(Math.log10(bytes) / 3), 3);
  const value = bytes / 1000 ** power;
  const values = { number: number(value, value < 10 ? 1 : 0) };
  return power === 1 ? gettext("%(number)s kB", values) : power === 2 ? gettext("%(number)s MB", values) : gettext("%(number)s GB", values);
}

function partsOf({ name, pages }) {
  if (/\.xls[xm]$/i.test(name)) return ngettext("%(count)s sheet", "%(count)s sheets", pages);
  if (/\.ppt[xm]$/i.test(name)) return ngettext("%(count)s slide", "%(count)s slides", pages);
  return ngettext("%(count)s page", "%(count)s pages", pages);
}

export function documentRow(item, { retry, readers, remove }) {
  const facts = [
    size(item.size),
    item.pages && partsOf(item),
    item.passages && el("a", { href: `/documents/${item.id}/passages/`, title: gettext("How %(name)s is cut", item) }, ngettext("%(count)s passage", "%(count)s passages", item.passages)),
    ownReaders(item),
    ...(item.warnings ?? []).map((one) => said(typeof one === "string" ? one : one.message)),
  ];
  const failed = item.status === "failed";
  return el("li", { class: "row", data: { id: item.id } },
    el("div", {},
      nameOf(item),
      el("span", { class: "row-facts" }, ...facts.filter(Boolean).flatMap((fact, place) => (place ? [" · ", fact] : [fact])))),
    el("span", { class: `state ${BUSY.has(item.status) ? "busy" : item.status}` }, STATES[item.status] ?? item.status),
    el("span", { class: "row-buttons" },
      failed && item.retryable !== false && iconButton("retry", gettext("Try %(name)s again", item), () => retry(item)),
      el("a", { class: "icon-button", href: `/documents/${item.id}/`, "aria-label": gettext("About %(name)s", item), title: gettext("About %(name)s", item) }, icon("file")),
      iconButton("people", gettext("Who may read %(name)s", item), () => readers(item)),
      iconButton("trash", gettext("Delete %(name)s", item), () => remove(item))),
    failed && el("p", { class: "row-problem", dir: "auto" }, reason(item.error)));
}

// A document that is ready opens; the original is downloaded, never shown under our own address.
function nameOf({ id, name, status }) {
  if (status !== "ready") return el("span", { class: "row-name", dir: "auto" }, name);
  return el("a", { class: "row-name", href: `/documents/${id}/file/`, download: name, title: gettext("Download %(name)s", { name }), dir: "auto" }, name);
}

function reason(error) {
  if (typeof error === "string" && error) return said(error);
  return [said(error?.message) ?? gettext("This file could not be read."), said(error?.advice)].filter(Boolean).join(" ");
}

export function uploadRow(item, { again, drop }) {
  const failed = item.state === "failed";
  const state = failed
    ? el("span", { class: "state failed" }, gettext("Not sent"))
    : item.state === "waiting"
      ? el("span", { class: "state" }, gettext("Waiting"))
      : el("progress", { class: "transfer", max: 1, value: item.progress, "aria-label": gettext("Sending %(name)s", item.file) });
  return el("li", { class: "row", data: { id: item.key } },
    el("div", {}, el("span", { class: "row-name", dir: "auto" }, item.path || item.file.name), el("span", { class: "row-facts" }, size(item.file.size))),
    state,
    el("span", { class: "row-buttons" },
      failed && item.error.retryable !== false && iconButton("retry", gettext("Send %(name)s again", item.file), () => again(item)),
      failed && iconButton("trash", gettext("Forget %(name)s", item.file), () => drop(item))),
    failed && el("p", { class: "row-problem", role: "alert" }, `${item.error.message} ${item.error.advice ?? ""}`));
}
