// What a question is asked of: collections, kinds of files, dates, a path. Kept for each conversation. Touches no DOM.
//
// Event: "changed".

import { request } from "./api.js";
import { recall, remember } from "./dom.js";
import { day, gettext, ngettext, said } from "./language.js";

const EMPTY = { collections: [], types: [], since: "", until: "", path: "" };
const DAY = 24 * 60 * 60 * 1000;
const NAMED = 3; // with more names than that, their number says as much

export class Scope extends EventTarget {
  constructor() {
    super();
    this.chosen = EMPTY;
    this.key = "scope new";
    this.choices = null; // {collections, kinds}, once they are known
  }

  // As frames have it.
  get frame() {
    const { collections, ...rest } = this.chosen;
    const filters = Object.fromEntries(Object.entries(rest).filter(([, value]) => value.length));
    return { collections: collections.length ? collections : null, filters };
  }

  get narrows() {
    return narrows(this.frame);
  }

  change(values) {
    this.chosen = { ...this.chosen, ...values };
    remember(this.key, JSON.stringify(this.chosen));
    this.#changed();
  }

  clear() {
    this.change(EMPTY);
  }

  // `last`: the answer that is shown last. What was chosen since, in this tab, goes before.
  forConversation(id, last = null) {
    this.key = `scope ${id ?? "new"}`;
    this.chosen = read(recall(this.key)) ?? chosenOf(last);
    this.#changed();
  }

  // From here on the server keeps it with the answer.
  asked(id) {
    remember(this.key, null);
    this.key = `scope ${id}`;
    remember(this.key, null);
  }

  // -> the collections and kinds of files that this person may ask; anew each time that somebody wants to choose
  async load() {
    this.choices = await request("GET", "/api/scope/");
    this.#changed();
  }

  async loadOnce() {
    if (this.choices || this.loading) return;
    this.loading = true;
    try {
      await this.load();
    } catch {
      // Names alone are missing: numbers stand for them.
    } finally {
      this.loading = false;
    }
  }

  // -> one for each limit: what it says, and the choice without it
  parts() {
    const { collections, types, since, until, path } = this.chosen;
    const parts = collections.map((id) => ({ words: this.#collection(id), without: { collections: collections.filter((one) => one !== id) } }));
    for (const [name, named] of this.#kinds(types)) parts.push({ words: name, without: { types: types.filter((one) => !named.includes(one)) } });
    if (since) parts.push({ words: gettext("From %(day)s", { day: dayInWords(since) }), without: { since: "" } });
    if (until) parts.push({ words: gettext("Until %(day)s", { day: dayInWords(until) }), without: { until: "" } });
    if (path) parts.push({ words: gettext("Path %(path)s…", { path }), without: { path: "" } });
    return parts;
  }

  // What an answer was asked of, in words; "" for everything.
  describe(answer) {
    if (!narrows(answer)) return "";
    this.loadOnce();
    const { collections, types, since, until, path } = chosenOf(answer);
    const many = collections.length > NAMED ? [ngettext("%(count)s collection", "%(count)s collections", collections.length)] : collections.map((id) => this.#collection(id));
    const days = [since && gettext("from %(day)s", { day: dayInWords(since) }), until && gettext("until %(day)s", { day: dayInWords(until) })].filter(Boolean).join(" ");
    return [...many, ...this.#kinds(types).map(([name]) => name), days, path && gettext("path %(path)s…", { path })].filter(Boolean).join(" · ");
  }

  #collection(id) {
    if (!this.choices) return gettext("One collection");
    return this.choices.collections.find((one) => one.id === id)?.name ?? gettext("A collection that is gone");
  }

  #kinds(types) {
    const known = (this.choices?.kinds ?? []).filter((kind) => kind.types.some((one) => types.includes(one)));
    const others = types.filter((type) => !known.some((kind) => kind.types.includes(type)));
    return [...known.map((kind) => [said(kind.name), kind.types]), ...others.map((type) => [type, [type]])];
  }

  #changed() {
    if (this.narrows) this.loadOnce();
    this.dispatchEvent(new Event("changed"));
  }
}

function narrows({ collections, filters }) {
  return Boolean(collections) || Object.keys(filters ?? {}).length > 0;
}

function chosenOf(answer) {
  const { collections, filters } = answer ?? {};
  const { types = [], since = "", until = "", path = "" } = filters ?? {};
  return { collections: collections ?? [], types, since: dayOf(since), until: dayOf(until, -DAY), path };
}

// The server has moments; one that begins a day was chosen as a day, the last one as a whole.
function dayOf(moment, add = 0) {
  if (!moment.endsWith("T00:00:00+00:00")) return moment;
  return new Date(Date.parse(moment) + add).toISOString().slice(0, 10);
}

function dayInWords(moment) {
  return day(new Date(moment), { timeZone: "UTC" });
}

function read(kept) {
  try {
    return kept ? { ...EMPTY, ...JSON.parse(kept) } : null;
  } catch {
    return null;
  }
}
