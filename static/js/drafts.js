// Words that were not sent yet, kept in the browser for each conversation until they are sent or the person signs out.

const KEY = "drafts";
const MOST_DRAFTS = 40;
const MOST_CHARACTERS = 20_000; // of one; what is longer is kept up to here

export class Drafts {
  // `person`: whose they are; what somebody else left in this browser is thrown away
  constructor(person, store = localStorage) {
    Object.assign(this, { person, store });
    const kept = this.#read();
    this.texts = new Map(kept.person === person ? kept.texts : []);
    if (kept.person !== person) this.#write();
  }

  get(conversation) {
    return this.texts.get(conversation ?? "new") ?? "";
  }

  put(conversation, text) {
    const key = conversation ?? "new";
    if (!text.trim() && !this.texts.has(key)) return;
    const kept = this.#read();
    const mine = kept.person === this.person; // somebody else may have signed in, or this person out, in another tab
    if (mine) this.texts = new Map(kept.texts); // which may have written since
    this.texts.delete(key);
    if (text.trim()) this.texts.set(key, text.slice(0, MOST_CHARACTERS));
    while (this.texts.size > MOST_DRAFTS) this.texts.delete(this.texts.keys().next().value);
    if (mine) this.#write();
  }

  #read() {
    try {
      const { person, texts } = JSON.parse(this.store.getItem(KEY)) ?? {};
      return { person, texts: Array.isArray(texts) ? texts.filter(([key, text]) => typeof key === "string" && typeof text === "string") : [] };
    } catch {
      return { texts: [] };
    }
  }

  #write() {
    try {
      this.store.setItem(KEY, JSON.stringify({ person: this.person, texts: [...this.texts] }));
    } catch {
      // Storage may be full or forbidden; the words stay in the box.
    }
  }
}

export function forgetDrafts(store = localStorage) {
  try {
    store.removeItem(KEY);
  } catch {
    // Without storage there is nothing to forget.
  }
}

// Whoever signs out leaves no words behind for the next one at this machine.
for (const form of document.querySelectorAll('form[action*="/logout/"], form[data-sign-out]')) form.addEventListener("submit", () => forgetDrafts());
