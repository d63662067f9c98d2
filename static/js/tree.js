// The messages of one conversation as a tree, and the branch that is shown. Touches no DOM.

export class Tree {
  constructor(messages = []) {
    this.messages = new Map();
    this.chosen = new Map(); // parent id -> the child that is shown
    this.born = new Map(); // parent id -> its children, in the order in which they came
    for (const message of messages) this.put(message);
  }

  put(message) {
    const known = this.messages.get(message.id);
    const merged = Object.assign(known ?? { text: "", sources: [], citations: [], status: "complete" }, message);
    this.messages.set(merged.id, merged);
    if (!known) {
      const parent = merged.parent ?? null;
      this.chosen.set(parent, merged.id);
      if (!this.born.has(parent)) this.born.set(parent, []);
      this.born.get(parent).push(merged);
    }
    return merged;
  }

  get(id) {
    return this.messages.get(id);
  }

  children(parent) {
    return this.born.get(parent ?? null) ?? [];
  }

  siblings(message) {
    return this.children(message.parent);
  }

  choose(message) {
    this.chosen.set(message.parent ?? null, message.id);
  }

  // From the root to the leaf of the branch that is shown.
  path() {
    const path = [];
    let at = this.messages.get(this.chosen.get(null));
    while (at) {
      path.push(at);
      at = this.messages.get(this.chosen.get(at.id));
    }
    return path;
  }

  lastAnswer() {
    const last = this.path().at(-1);
    return last?.role === "assistant" ? last : null;
  }
}
