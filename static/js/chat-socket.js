// Owns the websocket: connecting, back-off, and resuming turns where they were. Touches no DOM.
//
// Events: "state" {online, attempt, code}, "hello" frame, "frame" frame (each sequence number once, in order).

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
const PING_EVERY = 25000;
export const SIGNED_OUT = 4401, OF_ANOTHER = 4403, GONE = 4404, TOO_OLD = 4410;
export const FINAL = new Set([SIGNED_OUT, OF_ANOTHER, GONE, TOO_OLD]); // trying again changes nothing

export class ChatSocket extends EventTarget {
  constructor(url, protocols = []) {
    super();
    this.url = url;
    this.protocols = protocols;
    this.turns = new Map(); // turn -> the last sequence number seen
    this.attempt = 0;
    this.online = false;
    this.greeted = false; // has there been a connection?
    this.timer = null;
    addEventListener("online", () => this.#now());
    document.addEventListener("visibilitychange", () => document.hidden || this.#now());
  }

  connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url, this.protocols);
    this.socket = socket;
    socket.onmessage = (event) => this.socket === socket && this.#receive(event.data);
    socket.onclose = (event) => this.socket === socket && this.#lost(event.code);
  }

  get connected() {
    return this.online && this.socket?.readyState === WebSocket.OPEN;
  }

  // False when there is no connection: the caller keeps what it wanted to send.
  send(frame) {
    if (!this.connected) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  follow(turn, after = 0) {
    this.turns.set(turn, after);
    this.send({ type: "resume", turn, after });
  }

  begin(turn) {
    if (!this.turns.has(turn)) this.turns.set(turn, 0);
  }

  forgetAll() {
    this.turns.clear();
  }

  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    this.heard = Date.now();
    if (frame.type === "pong") return;
    if (frame.type === "hello") return this.#hello(frame);
    if (frame.seq !== undefined) {
      const seen = this.turns.get(frame.turn);
      if (seen === undefined || frame.seq <= seen) return;
      if (frame.seq > seen + 1) return void this.#gap(frame.turn, seen);
      this.turns.set(frame.turn, frame.seq);
    }
    if (frame.type === "done" || frame.type === "snapshot") this.turns.delete(frame.turn);
    this.#emit("frame", frame);
  }

  #gap(turn, seen) {
    if (this.asked === `${turn} ${seen}`) return;
    this.asked = `${turn} ${seen}`;
    this.send({ type: "resume", turn, after: seen });
  }

  #hello(frame) {
    this.online = this.greeted = true;
    this.attempt = 0;
    this.asked = null;
    clearInterval(this.pinger);
    this.pinger = setInterval(() => this.#ping(), PING_EVERY);
    this.#emit("state", { online: true, attempt: 0 });
    for (const [turn, after] of this.turns) this.send({ type: "resume", turn, after });
    this.#emit("hello", frame);
  }

  #ping() {
    if (Date.now() - this.heard > 2 * PING_EVERY) this.socket.close();
    else this.send({ type: "ping" });
  }

  #lost(code) {
    clearInterval(this.pinger);
    this.online = false;
    this.attempt += 1;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.attempt - 1)) * (0.75 + Math.random() / 2);
    this.#emit("state", { online: false, attempt: this.attempt, code });
    if (FINAL.has(code)) return;
    this.timer = setTimeout(() => this.connect(), wait);
  }

  #now() {
    if (this.socket?.readyState === WebSocket.CLOSED) this.connect(); // also after signing in again in another tab
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
