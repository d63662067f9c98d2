// In the page, before its own scripts: a double of its socket that writes answers at a given pace, and meters.
(() => {
  const meters = { frames: [], shift: 0, shifts: 0, long: [], errors: 0 };
  const observe = (type, seen) => new PerformanceObserver((list) => list.getEntries().forEach(seen)).observe({ type, buffered: true });
  observe("layout-shift", (entry) => !entry.hadRecentInput && ((meters.shift += entry.value), (meters.shifts += 1)));
  observe("longtask", (entry) => meters.long.push(entry.duration));
  addEventListener("error", () => (meters.errors += 1));

  let last = 0, running = false;
  const frame = (now) => {
    if (last) meters.frames.push(now - last);
    last = now;
    if (running) requestAnimationFrame(frame);
  };
  meters.start = () => {
    Object.assign(meters, { frames: [], shift: 0, shifts: 0, long: [] });
    last = 0;
    running = true;
    requestAnimationFrame(frame);
  };
  meters.stop = () => {
    running = false;
    return { frames: meters.frames, shift: meters.shift, shifts: meters.shifts, long: meters.long };
  };
  window.meters = meters;

  const id = (number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  let turns = 0;

  class Double extends EventTarget {
    constructor() {
      super();
      this.readyState = 1;
      window.socketDouble = this;
      setTimeout(() => this.say({ type: "hello", protocol: 1, running: [] }));
    }

    close() {}

    say(frame) {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }

    send(text) {
      const frame = JSON.parse(text);
      if (frame.type === "ping") this.say({ type: "pong" });
      if (frame.type === "ask") setTimeout(() => this.accept(frame)); // a server never answers while one still speaks
    }

    accept(frame) {
      turns += 1;
      this.turn = id(9_000_000 + turns);
      this.seq = 0;
      this.say({ type: "accepted", id: frame.id, turn: this.turn, conversation: frame.conversation ?? id(1), title: "Measured",
        question: id(8_000_000 + turns), answer: id(7_000_000 + turns) });
      this.next({ type: "sources", sources: [{ number: 1, passage: 1, document: { id: "d", name: "Handbook.pdf" }, page: 1, heading: "Leave", locator: "", text: "Words", score: 1 }] });
      this.next({ type: "writer", engine: "local: double", note: "" });
    }

    next(frame) {
      this.seq += 1;
      this.say({ turn: this.turn, seq: this.seq, ...frame });
    }

    // Resolves once all pieces were sent, at so many a second of the page's own clock. Pieces that are late come together.
    stream(pieces, rate) {
      return new Promise((resolve) => {
        const begun = performance.now();
        let sent = 0;
        const timer = setInterval(() => {
          const due = Math.min(pieces.length, Math.ceil(((performance.now() - begun) * rate) / 1000));
          while (sent < due) this.next({ type: "text", text: pieces[sent++] });
          if (sent < pieces.length) return;
          clearInterval(timer);
          resolve(performance.now() - begun);
        }, 1000 / rate);
      });
    }

    finish() {
      this.next({ type: "citations", citations: [{ number: 1, passage: 1, document: { id: "d", name: "Handbook.pdf" }, page: 1, score: 1, quote: "Words" }] });
      this.next({ type: "done", status: "complete", engine: "local: double", usage: {}, timings: {}, title: "Measured" });
    }
  }
  Double.OPEN = 1;
  Double.CLOSED = 3;
  window.WebSocket = Double;
})();
