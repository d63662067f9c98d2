// A page of a PDF with a passage marked on it. Fetched, with the library, only when a citation of a PDF is opened.

import { el, iconButton } from "./dom.js";
import { gettext } from "./language.js";
import { MOST_PIXELS, ZOOMS, inTime, markOf } from "./page-marks.js";
import { boxesOfQuote } from "./pdf-quote.js";
import * as pdf from "../vendor/pdfjs/pdf.js";

const LIBRARY = new URL("../vendor/pdfjs/", import.meta.url).href;
const MOST_IMAGE_PIXELS = 60_000_000;
const SETTLED_AFTER = 200; // of a window that is resized

pdf.GlobalWorkerOptions.workerSrc = `${LIBRARY}pdf.worker.js`;

export class PdfView {
  // `boxes`: [page, left, top, right, bottom], fractions of the page as it is shown. Of `quotes`, the first one that is
  // found in them is marked more strongly.
  constructor({ url, page, boxes = [], quotes = [], name }) {
    Object.assign(this, { number: page, boxes, quotes, name, zoom: 0, drawing: null });
    this.task = pdf.getDocument({
      url, useWasm: false, cMapUrl: `${LIBRARY}cmaps/`, cMapPacked: true, standardFontDataUrl: `${LIBRARY}standard_fonts/`,
      wasmUrl: `${LIBRARY}wasm/`, disableAutoFetch: true, disableStream: true, maxImageSize: MOST_IMAGE_PIXELS, enableXfa: false, verbosity: 0,
    });
    this.#build();
    this.resized = new ResizeObserver(() => {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.#width() !== this.drawnWidth && this.#draw(), SETTLED_AFTER);
    });
  }

  #build() {
    this.back = iconButton("left", gettext("Page before"), () => this.#turn(-1));
    this.forward = iconButton("right", gettext("Page after"), () => this.#turn(1));
    this.smaller = iconButton("minus", gettext("Smaller"), () => this.#scale(this.zoom - 1));
    this.larger = iconButton("plus", gettext("Larger"), () => this.#scale(this.zoom + 1));
    this.fit = el("button", { type: "button", class: "button small", onclick: () => this.#scale(0) }, gettext("Fit width"));
    this.where = el("output", { class: "pdf-where" }, gettext("Page %(page)s", { page: this.number }));
    this.sheet = el("div", { class: "pdf-sheet" });
    this.scroller = el("div", { class: "pdf-scroller", tabindex: "0", role: "group", "aria-label": gettext("Page of %(name)s", { name: this.name }) }, this.sheet);
    this.note = el("p", { class: "quiet-text pdf-note", role: "status" }, gettext("Loading the page…"));
    const tools = el("div", { class: "pdf-tools", role: "toolbar", "aria-label": gettext("Page and size") }, this.back, this.where, this.forward, this.smaller, this.larger, this.fit);
    this.element = el("section", { class: "pdf-view", "aria-label": gettext("The page in the document") }, tools, this.note, this.scroller);
    this.#enable();
  }

  async show() {
    try {
      this.document = await inTime(this.task.promise);
      this.number = Math.min(Math.max(this.number, 1), this.document.numPages);
      await this.#draw();
      this.resized.observe(this.scroller);
    } catch (error) {
      this.#failed(error);
    }
  }

  close() {
    this.closed = true;
    this.resized.disconnect();
    clearTimeout(this.settling);
    this.drawing?.cancel();
    this.task.destroy().catch(() => {}); // it is gone either way
  }

  #turn(by) {
    this.number += by;
    this.#draw();
  }

  #scale(zoom) {
    this.zoom = zoom;
    this.#draw();
  }

  #enable() {
    const pages = this.document?.numPages ?? 0;
    this.where.textContent = pages ? gettext("Page %(page)s of %(pages)s", { page: this.number, pages }) : gettext("Page %(page)s", { page: this.number });
    const enabled = [[this.back, this.number > 1], [this.forward, this.number < pages], [this.smaller, this.zoom > 0], [this.larger, this.zoom < ZOOMS.length - 1], [this.fit, this.zoom > 0]];
    // A button that has the focus keeps it: it is only said to be of no use.
    for (const [button, useful] of enabled) button.setAttribute("aria-disabled", String(!(pages && useful)));
  }

  #width() {
    return Math.max(this.scroller.clientWidth, 120);
  }

  async #draw() {
    if (!this.document || this.closed) return;
    const wanted = (this.wanted = Symbol("page"));
    this.drawing?.cancel();
    this.number = Math.min(Math.max(this.number, 1), this.document.numPages);
    this.zoom = Math.min(Math.max(this.zoom, 0), ZOOMS.length - 1);
    this.#enable();
    try {
      const page = await inTime(this.document.getPage(this.number));
      if (this.wanted !== wanted) return;
      const canvas = await this.#painted(page);
      const quoted = await this.#quoted(page);
      if (this.wanted !== wanted || this.closed) return;
      this.note.hidden = true;
      this.#place(canvas, page, quoted);
    } catch (error) {
      if (this.wanted === wanted && error?.name !== "RenderingCancelledException") this.#failed(error);
    }
  }

  async #painted(page) {
    this.drawnWidth = this.#width();
    const plain = page.getViewport({ scale: 1 });
    this.shown = (this.drawnWidth / plain.width) * ZOOMS[this.zoom];
    const most = Math.sqrt(MOST_PIXELS / (plain.width * plain.height));
    const viewport = page.getViewport({ scale: Math.min(this.shown * (window.devicePixelRatio || 1), most) });
    const canvas = el("canvas", { width: Math.ceil(viewport.width), height: Math.ceil(viewport.height), role: "img" });
    this.drawing = page.render({ canvas, viewport, background: "#ffffff" });
    await inTime(this.drawing.promise);
    return canvas;
  }

  async #quoted(page) {
    const boxes = this.boxes.filter((box) => box[0] === page.pageNumber);
    try {
      return boxes.length ? await inTime(boxesOfQuote(page, this.quotes, boxes)) : [];
    } catch {
      return []; // text that cannot be read: the passage is marked all the same
    }
  }

  #place(canvas, page, quoted) {
    const plain = page.getViewport({ scale: 1 });
    const boxes = this.boxes.filter((box) => box[0] === this.number);
    const what = { page: this.number, name: this.name };
    canvas.setAttribute("aria-label", boxes.length ? gettext("Page %(page)s of %(name)s, with the passage marked; its words follow below", what) : gettext("Page %(page)s of %(name)s", what));
    this.sheet.style.width = this.zoom ? `${Math.floor(plain.width * this.shown)}px` : "100%";
    this.sheet.style.aspectRatio = `${plain.width} / ${plain.height}`;
    const marks = [...boxes.map((box) => markOf(box, "pdf-mark")), ...quoted.map((box) => markOf(box, "pdf-mark-quote"))];
    this.sheet.classList.toggle("quoted", quoted.length > 0);
    this.sheet.replaceChildren(canvas, ...marks);
    this.element.dataset.page = this.number;
    const first = marks[quoted.length ? boxes.length : 0];
    if (first) this.scroller.scrollTo({ top: first.offsetTop - 48, left: this.zoom ? first.offsetLeft - 24 : 0 });
    else this.scroller.scrollTo({ top: 0 });
  }

  #failed(error) {
    if (this.closed) return;
    this.note.hidden = false;
    const locked = error?.name === "PasswordException";
    this.note.textContent = locked ? gettext("This PDF is locked, so its page cannot be shown. The words follow below.") : gettext("This page cannot be shown. The words follow below.");
    this.sheet.replaceChildren();
  }
}
