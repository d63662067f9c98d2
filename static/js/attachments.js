// The files of the open conversation: chosen, dropped or pasted, sent one after the other, followed until they are read,
// and shown over the box one writes in.
//
// Event: "settled", when nothing is on its way to the server any more; its detail says whether all of it arrived.

import { csrfToken, request, upload } from "./api.js";
import { announce, el, icon, iconButton } from "./dom.js";
import { gettext, number, said } from "./language.js";

const FIRST_LOOK = 2000, LAST_LOOK = 15000, LOOKS = 120; // ms, ms, and how often it is looked: half an hour
const LOOKS_AFTER_CALLING_OFF = 3; // the server may have had all of it
const BEING_READ = new Set(["received", "parsing", "embedding"]);

export class Attachments extends EventTarget {
  constructor({ session, list, button, input, area, drop }) {
    super();
    Object.assign(this, { session, list, button, input });
    this.most = Number(button.dataset.most); // bytes
    this.count = 0;
    this.#begin(null);
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => (this.add([...input.files]), (input.value = "")));
    area.addEventListener("paste", (event) => this.#pasted(event));
    this.#takeDrops(drop);
    addEventListener("beforeunload", (event) => this.sending && event.preventDefault());
  }

  // What belongs to the conversation that was left goes on without being shown.
  #begin(id) {
    clearTimeout(this.timer);
    this.home = { id, items: [], left: false, removed: new Set(), calledOff: [] };
    this.looks = 0;
  }

  get any() {
    return this.home.items.length > 0;
  }

  get sending() {
    return this.home.items.some((one) => one.status === "sending" || one.status === "waiting");
  }

  leave(id) {
    this.home.left = true;
    this.home.items = this.home.items.filter((one) => one.status !== "waiting");
    this.#begin(id ?? null);
    this.#paint();
  }

  show(files) {
    const added = this.home.items.filter((one) => !files.some((file) => file.id === one.id)); // while it was opened
    this.home.items = [...files.map((file) => ({ key: file.id, ...file })), ...added];
    this.#paint();
    this.#follow(FIRST_LOOK);
  }

  open() {
    this.input.click();
  }

  add(files) {
    for (const file of files) {
      const item = { key: `f${(this.count += 1)}`, name: file.name, size: file.size, file, progress: 0, status: "waiting" };
      if (file.size > this.most) Object.assign(item, { status: "refused", error: tooLarge(this.most) });
      this.home.items.push(item);
    }
    this.#paint();
    this.#next(this.home);
  }

  // One after the other: the first one makes the conversation that the others go to.
  async #next(home) {
    if (home.busy) return;
    home.busy = true;
    if (!home.id) await this.#whereTheQuestionGoes(home);
    home.busy = false;
    const item = home.items.find((one) => one.status === "waiting");
    if (!item) return this.#settled(home);
    home.busy = true;
    Object.assign(item, { status: "sending", stop: new AbortController() });
    this.#paint();
    await this.#send(home, item);
    home.busy = false;
    this.#next(home);
  }

  // A first question that is on its way makes the conversation: files that come behind it go there too.
  async #whereTheQuestionGoes(home) {
    const id = await this.session.begun();
    if (home === this.home) home.id ??= id;
  }

  async #send(home, item) {
    const address = home.id ? `/api/conversations/${home.id}/attachments/` : `/api/attachments/${this.session.temporary ? "?temporary=1" : ""}`;
    try {
      const { conversation, attachment } = await upload(address, item.file, "", (share) => this.#progress(item, share), item.stop.signal);
      this.#arrived(home, item, conversation, attachment);
    } catch (error) {
      if (error.code === "called_off") return this.#calledOff(home, item);
      Object.assign(item, { status: "refused", error: [error.message, error.advice].filter(Boolean).join(" "), again: error.retryable });
      announce(gettext("%(name)s could not be attached", item));
    }
    this.#paint();
  }

  #arrived(home, item, conversation, attachment) {
    const isNew = !home.id;
    home.id = conversation;
    if (isNew && home.left) return forget(conversation); // nobody is there any more to ask about it
    home.items = home.items.filter((one) => one === item || one.id !== attachment.id); // there already
    Object.assign(item, attachment, { file: null, stop: null });
    if (home !== this.home) return;
    if (isNew) this.session.beginsAt(conversation);
    this.looks = 0;
    this.#follow(FIRST_LOOK);
  }

  // Of a conversation that it would have made nobody knows anything: the server forgets that by itself.
  #calledOff(home, { name, size }) {
    if (home !== this.home || !home.id) return;
    home.calledOff.push({ name, size, looks: LOOKS_AFTER_CALLING_OFF });
    this.#follow(FIRST_LOOK);
  }

  #settled(home) {
    if (home !== this.home) return;
    this.dispatchEvent(new CustomEvent("settled", { detail: home.items.every((one) => one.status !== "refused") }));
  }

  #progress(item, share) {
    item.progress = share;
    const shown = this.list.querySelector(`[data-key="${item.key}"]`);
    if (!shown) return;
    shown.querySelector("progress").value = share;
    shown.querySelector(".attachment-state").textContent = stateOf(item);
  }

  #follow(pause) {
    clearTimeout(this.timer);
    const owed = this.home.calledOff.length || this.home.items.some((one) => BEING_READ.has(one.status));
    if (!owed || this.looks >= LOOKS) return;
    this.timer = setTimeout(() => this.#look(this.home, pause), document.hidden ? LAST_LOOK : pause);
  }

  async #look(home, pause) {
    this.looks += 1;
    const before = new Set(home.items.map((one) => one.id));
    const { calledOff } = home;
    home.calledOff = calledOff.filter((one) => (one.looks -= 1) > 0);
    try {
      const { attachments } = await request("GET", `/api/conversations/${home.id}/attachments/`);
      if (home !== this.home) return;
      this.#take(attachments, before, calledOff);
    } catch {
      // The line may be back at the next look.
    }
    if (home === this.home) this.#follow(Math.min(pause * 1.5, LAST_LOOK));
  }

  // `before`: the files known when it was looked; others may have come since.
  #take(attachments, before, calledOff) {
    const known = new Map(attachments.map((one) => [one.id, one]));
    for (const item of this.home.items) {
      const now = known.get(item.id);
      if (!now || now.status === item.status) continue;
      Object.assign(item, now);
      if (now.status === "ready") announce(gettext("%(name)s is read: you can ask about it", item));
      if (now.status === "failed") announce(gettext("%(name)s could not be read", item));
    }
    this.home.items = this.home.items.filter((one) => !before.has(one.id) || !one.id || known.has(one.id)); // taken away in another tab
    this.#meet(attachments, calledOff);
    this.#paint();
  }

  // What came from another tab is shown; what was called off too late is taken away. Not while something is sent: that
  // may be it.
  #meet(attachments, calledOff) {
    const { home } = this;
    if (home.items.some((one) => one.status === "sending")) return;
    const shown = new Set(home.items.map((one) => one.id));
    for (const file of attachments.filter((one) => !shown.has(one.id) && !home.removed.has(one.id))) {
      const late = calledOff.find((one) => one.name === file.name && one.size === file.size);
      if (!late) home.items.push({ key: file.id, ...file });
      else this.#takeBack(home, file, late);
    }
  }

  async #takeBack(home, file, late) {
    home.removed.add(file.id);
    home.calledOff = home.calledOff.filter((one) => one !== late);
    try {
      await request("DELETE", addressOf(home, file));
    } catch {
      home.removed.delete(file.id); // the next look shows it
    }
  }

  #again(item) {
    Object.assign(item, { status: "waiting", progress: 0, error: "", again: false });
    this.#paint();
    this.#next(this.home);
  }

  async #remove(item) {
    const { home } = this;
    const at = home.items.indexOf(item);
    if (item.status === "sending") item.stop.abort();
    if (item.id) {
      try {
        await request("DELETE", addressOf(home, item));
      } catch (error) {
        if (error.code !== "not_found") return this.#notRemoved(item, error);
      }
      home.removed.add(item.id); // a look that began before may still tell of it
    }
    home.items = home.items.filter((one) => one !== item);
    if (home !== this.home) return;
    this.#paint();
    announce(gettext("%(name)s is removed from this chat", item));
    (this.list.querySelectorAll("[data-remove]")[Math.min(at, home.items.length - 1)] ?? this.button).focus();
  }

  #notRemoved(item, error) {
    item.notice = [error.message, error.advice].filter(Boolean).join(" ");
    this.#paint();
  }

  #paint() {
    const held = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    this.list.hidden = !this.any;
    this.list.replaceChildren(...this.home.items.map((item) => this.#row(item)));
    if (held) this.list.querySelector(`[data-key="${held}"] [data-remove]`)?.focus();
    this.dispatchEvent(new CustomEvent("changed"));
  }

  #row(item) {
    const problem = item.status === "refused" || item.status === "failed" ? said(item.error) : item.notice;
    const sends = item.status === "sending";
    return el("li", { class: `attachment${problem ? " problem" : ""}`, data: { key: item.key, status: item.status } },
      icon("file"),
      el("span", { class: "attachment-words" },
        el("span", { class: "attachment-name", dir: "auto", title: item.name }, item.name),
        el("span", { class: "attachment-state" }, problem || stateOf(item)),
        sends && el("progress", { max: 1, value: item.progress, "aria-label": gettext("Sending %(name)s", item) })),
      item.again && iconButton("retry", gettext("Send %(name)s again", item), () => this.#again(item)),
      iconButton("close", gettext("Remove %(name)s", item), () => this.#remove(item), { data: { remove: "" } }));
  }

  // A copy out of a table has a picture beside its words: then the words are meant.
  #pasted(event) {
    const { files, types } = event.clipboardData ?? {};
    if (!files?.length || types.includes("text/plain")) return;
    event.preventDefault();
    this.add([...files]);
  }

  #takeDrops(place) {
    const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (on) => place.classList.toggle("dropping", on);
    addEventListener("dragover", (event) => holdsFiles(event) && (event.preventDefault(), over(true)));
    addEventListener("dragleave", (event) => event.relatedTarget || over(false));
    addEventListener("drop", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      over(false);
      this.add([...event.dataTransfer.items].map(fileOf).filter(Boolean));
    });
  }
}

// Of a folder that was dropped nothing can be sent as one file.
function fileOf(item) {
  return item.kind === "file" && !item.webkitGetAsEntry?.()?.isDirectory ? item.getAsFile() : null;
}

function addressOf(home, file) {
  return `/api/conversations/${home.id}/attachments/${file.id}/`;
}

function stateOf({ status, progress }) {
  if (status === "waiting") return gettext("Waiting to be sent");
  if (status === "sending") return gettext("Sending: %(share)s", { share: `${Math.round(100 * progress)} %` });
  return BEING_READ.has(status) ? gettext("Being read") : gettext("Ready");
}

function tooLarge(most) {
  return gettext("It is too large: %(size)s MB at most can be attached. Attach a part of it.", { size: number(Math.floor(most / 1e6)) });
}

function forget(conversation) {
  fetch(`/api/conversations/${conversation}/`, { method: "DELETE", keepalive: true, headers: { Accept: "application/json", "X-CSRFToken": csrfToken() } }).catch(() => {});
}
