// The queue of files on their way to the server: a few at a time, with progress, and a second try.

import { upload } from "./api.js";

const AT_ONCE = 3;
const MOST = 20000;

export class Uploads extends EventTarget {
  constructor() {
    super();
    this.items = []; // {key, collection, file, path, progress, state: "waiting"|"sending"|"failed"|"sent", error}
    this.running = 0;
  }

  add(collection, files) {
    const taken = files.slice(0, Math.max(0, MOST - this.items.length));
    for (const { file, path } of taken) {
      this.items.push({ key: `u${(this.count = (this.count ?? 0) + 1)}`, collection, file, path, progress: 0, state: "waiting" });
    }
    this.#next();
    this.#changed();
    return files.length - taken.length;
  }

  again(item) {
    Object.assign(item, { state: "waiting", progress: 0, error: null });
    this.#next();
    this.#changed();
  }

  drop(item) {
    this.items = this.items.filter((one) => one !== item);
    this.#changed();
  }

  // Nothing more goes to a collection that is gone; what is on its way ends by itself.
  forget(collection) {
    this.items = this.items.filter((one) => one.collection !== collection || one.state === "sending");
    this.#changed();
  }

  get pending() {
    return this.items.some((item) => item.state === "waiting" || item.state === "sending");
  }

  #next() {
    while (this.running < AT_ONCE) {
      const item = this.items.find((one) => one.state === "waiting");
      if (!item) return;
      this.running += 1;
      this.#send(item);
    }
  }

  async #send(item) {
    item.state = "sending";
    try {
      const receipt = await upload(`/api/collections/${item.collection}/documents/`, item.file, item.path, (share) => {
        item.progress = share;
        this.dispatchEvent(new CustomEvent("progress", { detail: item }));
      });
      this.items = this.items.filter((one) => one !== item);
      this.dispatchEvent(new CustomEvent("received", { detail: { item, ...receipt } }));
    } catch (error) {
      Object.assign(item, { state: "failed", error });
    }
    this.running -= 1;
    this.#next();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("changed"));
  }
}

// The files of a drop, folders included, with the path of each inside its folder.
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: "" }));
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (found.length >= MOST || entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return;
    for (const inner of some) await walk(inner, found);
  }
}
