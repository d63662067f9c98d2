// The open conversation: turns frames into messages of the tree, and wishes into frames. Touches no DOM.
//
// Events: "changed" (paint all), "grown" message, "finished" message, "opened" id, "asked" id, "title" {id, title},
// "refused" {error, asked}: what was asked comes back, so that no words are lost.

import { request } from "./api.js";
import { gettext } from "./language.js";
import { Tree } from "./tree.js";

const LOST = { message: gettext("The connection broke before your words arrived."), advice: gettext("Send them again.") };

export class Session extends EventTarget {
  // `narrowed`: -> what is searched now, as frames have it
  constructor(socket, narrowed = () => ({})) {
    super();
    this.socket = socket;
    this.narrowed = narrowed;
    this.waiting = new Map(); // the client's id -> what was asked
    this.recovering = false; // it is being found out whether what was asked arrived
    this.reset(null);
    socket.addEventListener("frame", (event) => this.#frame(event.detail));
    socket.addEventListener("hello", (event) => this.#hello(event.detail));
  }

  reset(id) {
    this.id = id;
    this.temporary = false; // whether this chat is, or the next one will be
    this.title = "";
    this.attachments = [];
    this.tree = new Tree();
    this.turns = new Map(); // turn -> id of its answer
    this.socket.forgetAll();
  }

  // A file was attached before anything was asked: the conversation is there, and the next question goes to it.
  beginsAt(id) {
    if (this.id) return;
    this.id = id;
    this.#emit("opened", id);
    this.#emit("changed");
  }

  // -> where a first question that is on its way goes, once that is known; null: there is none, or it was refused
  async begun() {
    while (!this.id && (this.waiting.size || this.recovering)) {
      await new Promise((known) => this.addEventListener("changed", known, { once: true }));
    }
    return this.id;
  }

  get busy() {
    return this.waiting.size > 0 || this.turns.size > 0;
  }

  async open(id) {
    this.reset(id);
    if (id) await this.#load();
    this.#emit("changed");
  }

  async #load() {
    const wanted = this.id;
    const detail = await request("GET", `/api/conversations/${wanted}/`);
    if (this.id !== wanted) return;
    this.turns.clear(); // of two loads at once, the later one brings messages of its own: they join anew
    this.socket.forgetAll();
    const shown = new Map(this.tree.chosen);
    this.title = detail.title;
    this.temporary = Boolean(detail.temporary);
    this.attachments = detail.attachments ?? [];
    this.tree = new Tree(detail.messages);
    for (const [parent, child] of shown) {
      if (this.tree.get(child) && this.tree.siblings(this.tree.get(child)).at(-1).id === child) this.tree.chosen.set(parent, child);
    }
    for (const { turn, answer, from } of detail.running ?? []) this.#join(turn, answer, from);
    this.#emit("title", { id: this.id, title: this.title });
  }

  // Frames are replayed from the first one, so of the stored text only what stood before this turn is kept.
  #join(turn, answer, from = 0) {
    const message = this.tree.get(answer);
    if (!message || this.turns.has(turn)) return;
    this.turns.set(turn, answer);
    const base = [...message.text].slice(0, from).join("");
    const written_by = (message.written_by ?? []).filter((one) => one.from < from);
    Object.assign(message, { status: "streaming", base, written_by, fresh: true, error: null });
    this.socket.follow(turn, 0);
  }

  send(frame, asked = {}) {
    const id = crypto.randomUUID?.() ?? String(Math.random());
    if (this.busy || !this.socket.send({ ...frame, id })) return false;
    this.waiting.set(id, { ...asked, type: frame.type, conversation: this.id });
    this.#emit("changed");
    return true;
  }

  ask(text) {
    const parent = this.tree.lastAnswer()?.id ?? null;
    const begun = this.temporary && !this.id ? { temporary: true } : {};
    return this.#sendNarrowed({ type: "ask", text, conversation: this.id, parent, ...begun }, { text, parent, ...begun });
  }

  edit(message, text) {
    return this.#sendNarrowed({ type: "edit", message: message.id, text }, { text, parent: message.parent, message: message.id });
  }

  // `engine`: who is to write, "" for whoever comes first.
  regenerate(message, engine = "") {
    return this.#sendNarrowed({ type: "regenerate", message: message.id, ...(engine && { engine }) });
  }

  #sendNarrowed(frame, asked = {}) {
    const narrowed = this.narrowed();
    return this.send({ ...frame, ...narrowed }, { ...asked, narrowed });
  }

  continueAnswer(message) {
    return this.send({ type: "continue", message: message.id }, { message: message.id });
  }

  stop() {
    for (const turn of this.turns.keys()) this.socket.send({ type: "stop", turn });
  }

  #hello({ running = [] }) {
    const [lost] = this.waiting.values();
    this.waiting.clear();
    if (lost) this.#recover(lost, running);
    else if (this.id && running.some((one) => one.conversation === this.id && !this.turns.has(one.turn))) this.refresh();
  }

  // What was sent while the line broke may or may not have arrived: look at what the server has.
  async #recover(asked, running) {
    const known = new Set(this.tree.messages.keys());
    this.recovering = true;
    try {
      const home = asked.conversation ?? (await this.#begun(asked, running));
      const { messages } = home ? await request("GET", `/api/conversations/${home}/`) : { messages: [] };
      const arrived = messages.some((one) => one.role === "user" && one.text === asked.text && !known.has(one.id));
      if (arrived && !asked.conversation && !this.id) this.#emit("opened", (this.id = home));
      if (this.id === home && home) await this.refresh();
      if (!arrived && asked.text !== undefined) this.#emit("refused", { error: LOST, asked });
    } catch (error) {
      this.#emit("refused", { error, asked });
    }
    this.recovering = false;
    this.#emit("changed");
  }

  // The conversation that such a question began, if it arrived.
  async #begun(asked, running) {
    if (asked.temporary) return running.find((one) => one.temporary)?.conversation;
    return (await request("GET", "/api/conversations/?limit=1")).conversations[0]?.id;
  }

  async refresh() {
    this.turns.clear();
    this.socket.forgetAll();
    try {
      await this.#load();
    } catch (error) {
      this.#emit("refused", { error });
    }
    this.#emit("changed");
  }

  #frame(frame) {
    if (frame.type === "accepted") return this.#accepted(frame);
    if (frame.type === "error" && frame.seq === undefined) return this.#refused(frame);
    const message = this.tree.get(this.turns.get(frame.turn));
    if (!message) return;
    if (frame.type === "snapshot") {
      const status = frame.message.status === "streaming" ? "interrupted" : frame.message.status;
      return this.#finish(frame.turn, Object.assign(message, frame.message, { status, fresh: false }));
    }
    if (message.fresh && frame.seq === 1) Object.assign(message, { text: message.base ?? "", fresh: false });
    this.#apply(frame, message);
  }

  #apply(frame, message) {
    if (frame.type === "text") message.text += frame.text;
    else if (frame.type === "stage") message.stage = frame;
    else if (frame.type === "sources") message.sources = frame.sources;
    else if (frame.type === "citations") message.citations = frame.citations;
    else if (frame.type === "grounding") message.unsupported = frame.unsupported;
    else if (frame.type === "writer") this.#writer(frame, message);
    else if (frame.type === "error") message.error = frame;
    else if (frame.type === "done") return this.#done(frame, message);
    this.#emit("grown", message);
  }

  #writer({ engine, note }, message) {
    const from = [...message.text].length;
    const wrote = (message.written_by ?? []).filter((one) => one.from < from); // the others failed before their first word
    Object.assign(message, { engine, written_by: [...wrote, { engine, from, note }] });
  }

  #done(frame, message) {
    const { status, usage, timings } = frame;
    this.#finish(frame.turn, Object.assign(message, { status, usage, timings, engine: frame.engine || message.engine }));
    if (frame.title) this.#emit("title", { id: this.id, title: (this.title = frame.title) });
  }

  #finish(turn, message) {
    this.turns.delete(turn);
    this.#emit("finished", message);
    this.#emit("changed");
  }

  #accepted(frame) {
    const asked = this.waiting.get(frame.id);
    this.waiting.delete(frame.id);
    if (!asked) return this.#acceptedElsewhere(frame);
    this.#emit("elsewhere", { conversation: frame.conversation, turn: frame.turn });
    if (asked.conversation !== this.id) return;
    const isNew = !this.id;
    this.id = frame.conversation;
    this.#place(frame, asked);
    this.turns.set(frame.turn, frame.answer);
    this.socket.begin(frame.turn);
    if (asked.narrowed) this.#emit("asked", this.id);
    if (isNew) this.#emit("opened", this.id);
    this.#emit("title", { id: this.id, title: (this.title = frame.title || this.title) });
    this.#emit("changed");
  }

  // In another tab, or on another device.
  #acceptedElsewhere({ conversation, turn, temporary }) {
    if (!temporary) this.#emit("begun", conversation);
    if (conversation === this.id && !this.turns.has(turn)) this.refresh();
  }

  #place(frame, asked) {
    if (asked.text !== undefined) {
      this.tree.put({ id: frame.question, parent: asked.parent ?? null, role: "user", text: frame.text ?? asked.text });
    }
    const known = this.tree.get(frame.answer);
    const fresh = { text: "", sources: [], citations: [], written_by: [], unsupported: null, base: "", ...asked.narrowed };
    const kept = known && asked.type === "continue" ? { base: known.text } : fresh;
    const answer = this.tree.put({ id: frame.answer, parent: frame.question ?? known?.parent ?? null, role: "assistant", ...kept, status: "streaming", stage: null, error: null });
    this.tree.choose(answer);
  }

  #refused(frame) {
    const asked = this.waiting.get(frame.id);
    this.waiting.delete(frame.id);
    const message = this.tree.get(this.turns.get(frame.turn));
    if (message) {
      this.turns.delete(frame.turn);
      Object.assign(message, { status: "interrupted" });
    }
    this.#emit("refused", { error: frame, asked });
    this.#emit("changed");
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
