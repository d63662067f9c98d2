// The rows of the list: files that are being sent, and documents with how far they have come.

import { ownReaders } from "./document-readers.js";
import { el, icon, iconButton } from "./dom.js";

const STATES = { received: "Received", parsing: "Reading", embedding: "Indexing", ready: "Ready", failed: "Failed" };
export const BUSY = new Set(["received", "parsing", "embedding"]);

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  let value = bytes;
  let unit = -1;
  while (value >= 1000 && unit < units.length - 1) (value /= 1000), (unit += 1);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const partOf = (name) => (/\.xls[xm]$/i.test(name) ? "sheet" : /\.ppt[xm]$/i.test(name) ? "slide" : "page");

export function documentRow(item, { retry, readers, remove }) {
  const facts = [
    size(item.size),
    item.pages && `${item.pages} ${partOf(item.name)}${item.pages === 1 ? "" : "s"}`,
    item.passages && el("a", { href: `/documents/${item.id}/passages/`, title: `How ${item.name} is cut` }, `${item.passages} ${item.passages === 1 ? "passage" : "passages"}`),
    ownReaders(item),
    ...(item.warnings ?? []).map((one) => (typeof one === "string" ? one : one.message)),
  ];
  const failed = item.status === "failed";
  return el("li", { class: "row", data: { id: item.id } },
    el("div", {},
      nameOf(item),
      el("span", { class: "row-facts" }, ...facts.filter(Boolean).flatMap((fact, place) => (place ? [" · ", fact] : [fact])))),
    el("span", { class: `state ${BUSY.has(item.status) ? "busy" : item.status}` }, STATES[item.status] ?? item.status),
    el("span", { class: "row-buttons" },
      failed && item.retryable !== false && iconButton("retry", `Try ${item.name} again`, () => retry(item)),
      el("a", { class: "icon-button", href: `/documents/${item.id}/`, "aria-label": `About ${item.name}`, title: `About ${item.name}` }, icon("file")),
      iconButton("people", `Who may read ${item.name}`, () => readers(item)),
      iconButton("trash", `Delete ${item.name}`, () => remove(item))),
    failed && el("p", { class: "row-problem" }, reason(item.error)));
}

// A document that is ready opens; the original is downloaded, never shown under our own address.
function nameOf({ id, name, status }) {
  if (status !== "ready") return el("span", { class: "row-name", dir: "auto" }, name);
  return el("a", { class: "row-name", href: `/documents/${id}/file/`, download: name, title: `Download ${name}`, dir: "auto" }, name);
}

function reason(error) {
  if (typeof error === "string" && error) return error;
  return [error?.message ?? "This file could not be read.", error?.advice].filter(Boolean).join(" ");
}

export function uploadRow(item, { again, drop }) {
  const failed = item.state === "failed";
  const state = failed
    ? el("span", { class: "state failed" }, "Not sent")
    : item.state === "waiting"
      ? el("span", { class: "state" }, "Waiting")
      : el("progress", { class: "transfer", max: 1, value: item.progress, "aria-label": `Sending ${item.file.name}` });
  return el("li", { class: "row", data: { id: item.key } },
    el("div", {}, el("span", { class: "row-name", dir: "auto" }, item.path || item.file.name), el("span", { class: "row-facts" }, size(item.file.size))),
    state,
    el("span", { class: "row-buttons" },
      failed && item.error.retryable !== false && iconButton("retry", `Send ${item.file.name} again`, () => again(item)),
      failed && iconButton("trash", `Forget ${item.file.name}`, () => drop(item))),
    failed && el("p", { class: "row-problem", role: "alert" }, `${item.error.message} ${item.error.advice ?? ""}`));
}
