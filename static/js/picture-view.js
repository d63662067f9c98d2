// A picture whose text was recognised, with a passage marked on it.

import { el, iconButton } from "./dom.js";
import { gettext } from "./language.js";
import { MOST_PIXELS, ZOOMS, inTime, markOf } from "./page-marks.js";

const MOST_BYTES = 50_000_000;
const SHOWN = new Set(["image/png", "image/jpeg", "image/webp", "image/bmp"]);

// Browsers draw no TIFF, and of several pictures in one file the first one alone.
export function canShow({ document: file, page }) {
  return SHOWN.has(file.media_type) && page === 1;
}

export class PictureView {
  constructor({ url, type, boxes = [], name }) {
    Object.assign(this, { url, type, boxes: boxes.filter((box) => box[0] === 1), name, zoom: 0 });
    this.loading = new AbortController();
    this.smaller = iconButton("minus", gettext("Smaller"), () => this.#scale(this.zoom - 1));
    this.larger = iconButton("plus", gettext("Larger"), () => this.#scale(this.zoom + 1));
    this.fit = el("button", { type: "button", class: "button small", onclick: () => this.#scale(0) }, gettext("Fit width"));
    this.sheet = el("div", { class: "pdf-sheet" });
    this.scroller = el("div", { class: "pdf-scroller", tabindex: "0", role: "group", "aria-label": gettext("Picture %(name)s", { name }) }, this.sheet);
    this.note = el("p", { class: "quiet-text pdf-note", role: "status" }, gettext("Loading the picture…"));
    const tools = el("div", { class: "pdf-tools", role: "toolbar", "aria-label": gettext("Size") }, this.smaller, this.larger, this.fit);
    this.element = el("section", { class: "pdf-view", "aria-label": gettext("The picture") }, tools, this.note, this.scroller);
    this.#enable();
  }

  async show() {
    try {
      const canvas = await inTime(this.#drawn());
      if (this.loading.signal.aborted) return;
      this.note.hidden = true;
      this.ready = true;
      this.sheet.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
      this.sheet.replaceChildren(canvas, ...this.boxes.map((box) => markOf(box, "pdf-mark")));
      this.#scale(0);
    } catch {
      this.note.textContent = gettext("This picture cannot be shown. Its words follow below.");
    }
  }

  close() {
    this.loading.abort();
  }

  async #drawn() {
    const answer = await fetch(this.url, { signal: this.loading.signal });
    if (!answer.ok || Number(answer.headers.get("Content-Length")) > MOST_BYTES) throw new Error("not shown");
    const picture = await createImageBitmap(new Blob([await answer.arrayBuffer()], { type: this.type })); // upright, as it was read
    const share = Math.min(1, Math.sqrt(MOST_PIXELS / (picture.width * picture.height)));
    const canvas = el("canvas", { width: Math.max(1, Math.floor(picture.width * share)), height: Math.max(1, Math.floor(picture.height * share)), role: "img" });
    canvas.setAttribute("aria-label", this.boxes.length ? gettext("%(name)s, with the passage marked; its words follow below", { name: this.name }) : this.name);
    const paper = canvas.getContext("2d");
    paper.fillStyle = "#ffffff"; // behind what is transparent
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return canvas;
  }

  #scale(zoom) {
    this.zoom = Math.min(Math.max(zoom, 0), ZOOMS.length - 1);
    this.sheet.style.width = `${ZOOMS[this.zoom] * 100}%`;
    this.#enable();
    const first = this.sheet.querySelector(".pdf-mark");
    if (first) this.scroller.scrollTo({ top: first.offsetTop - 48, left: this.zoom ? first.offsetLeft - 24 : 0 });
  }

  #enable() {
    const enabled = [[this.smaller, this.zoom > 0], [this.larger, this.zoom < ZOOMS.length - 1], [this.fit, this.zoom > 0]];
    for (const [button, useful] of enabled) button.setAttribute("aria-disabled", String(!(this.ready && useful)));
  }
}
