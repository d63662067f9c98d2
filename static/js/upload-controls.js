// The buttons, the place to drop files on and the rows of files on their way, of each page that takes documents.

import { gettext } from "./language.js";
import { droppedFiles } from "./uploads.js";

const byId = (id) => document.getElementById(id);
const picked = (input) => [...input.files].map((file) => ({ file, path: file.webkitRelativePath }));

// `send` gets the files that were chosen, `known` what is said of one that is here already; `again` looks anew.
export function bindUploads(uploads, { send, paint, again, known }) {
  for (const [input, button] of [["files", "pick-files"], ["folder", "pick-folder"]]) {
    byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", (event) => (send(picked(event.target)), (event.target.value = "")));
  }
  addEventListener("dragover", (event) => (event.preventDefault(), byId("drop").classList.add("over")));
  addEventListener("dragleave", (event) => event.relatedTarget || byId("drop").classList.remove("over"));
  addEventListener("drop", async (event) => {
    event.preventDefault();
    byId("drop").classList.remove("over");
    send(await droppedFiles(event.dataTransfer));
  });
  uploads.addEventListener("changed", paint);
  uploads.addEventListener("progress", ({ detail }) => {
    const bar = byId("rows").querySelector(`[data-id="${detail.key}"] progress`);
    if (bar) bar.value = detail.progress;
  });
  uploads.addEventListener("received", ({ detail }) => {
    if (detail.outcome === "duplicate") known(gettext("%(name)s is here already, so it was not added again.", detail.item.file));
    again();
  });
  addEventListener("beforeunload", (event) => uploads.pending && event.preventDefault());
}
