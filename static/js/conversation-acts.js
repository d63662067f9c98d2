// What can be done with one conversation or several: the entries of its menu, and the requests behind them.

import { request } from "./api.js";
import { askForText, confirmWith } from "./dialogs.js";
import { chooseFolder, idOf } from "./folders.js";
import { gettext, ngettext } from "./language.js";

export const MOST_AT_ONCE = 200;

export const titleOf = (item) => item.title || (item.unreadable ? gettext("Cannot be opened") : gettext("New conversation"));

export class ConversationActs {
  // `list`: the list that shows them; `more(item)`: -> further entries
  constructor(list, more = () => []) {
    Object.assign(this, { list, more });
  }

  entries(item) {
    const all = this.ofOne(item);
    all.splice(-1, 0, { name: gettext("Select several"), run: () => this.list.selecting.begin(item.id) });
    return all;
  }

  // What is done with this one alone.
  ofOne(item) {
    const keep = (changes, said) => () => this.#keep(item, changes, said);
    return [
      { name: gettext("Rename…"), run: () => this.rename(item) },
      item.pinned ? { name: gettext("Unpin"), run: keep({ pinned: false }, gettext("Unpinned")) }
        : { name: gettext("Pin"), run: keep({ pinned: true }, gettext("Pinned")) },
      { name: gettext("Move to a folder…"), run: () => this.move([item]) },
      item.archived ? { name: gettext("Bring back from the archive"), run: keep({ archived: false }, gettext("Brought back")) }
        : { name: gettext("Archive"), run: keep({ archived: true }, gettext("Archived")) },
      ...this.more(item),
      { name: gettext("Delete…"), danger: true, run: () => this.remove([item]) },
    ];
  }

  async rename(item) {
    const title = await askForText(gettext("Rename the conversation"), gettext("Name"), item.title);
    if (!title) return;
    await this.list.attempt(async () => {
      const { title: kept } = await request("PATCH", `/api/conversations/${item.id}/`, { title });
      this.list.named(item.id, kept);
      this.list.onOpen(item.id, { titleOnly: kept });
      this.list.tellOthers();
    });
  }

  #keep(item, changes, said) {
    return this.list.attempt(async () => {
      await request("PATCH", `/api/conversations/${item.id}/`, changes);
      await this.#changed(said);
    });
  }

  archive(items) {
    const archived = !items.every((one) => one.archived);
    const said = archived ? gettext("Archived") : gettext("Brought back");
    return this.#several(items, { archived }, said);
  }

  async move(items) {
    const chosen = await chooseFolder(this.list.folders, items.length === 1 ? items[0].folder : null, items.length);
    if (!chosen) return false;
    return this.list.attempt(async () => {
      const folder = await idOf(chosen);
      await request("POST", "/api/conversations/several/", { ids: items.map((one) => one.id), folder });
      await this.#changed(gettext("Moved"));
    });
  }

  #several(items, what, said) {
    return this.list.attempt(async () => {
      await request("POST", "/api/conversations/several/", { ids: items.map((one) => one.id), ...what });
      await this.#changed(said);
    });
  }

  async #changed(said) {
    await this.list.load();
    this.list.tellOthers();
    this.list.said(said);
  }

  // -> whether they are gone
  async remove(items) {
    const [first] = items;
    const title = ngettext("Delete this conversation?", "Delete %(count)s conversations?", items.length);
    const one = gettext("“%(name)s” and its answers will be gone for good.", { name: titleOf(first) });
    const text = items.length === 1 ? one : gettext("They and their answers will be gone for good.");
    if (!(await confirmWith(title, text, gettext("Delete")))) return false;
    const ids = items.map((one) => one.id);
    return this.list.attempt(async () => {
      if (ids.length === 1) await request("DELETE", `/api/conversations/${ids[0]}/`);
      else await request("POST", "/api/conversations/several/", { ids, delete: true });
      this.list.gone(ids);
      this.list.tellOthers();
      this.list.said(gettext("Deleted"));
    });
  }
}
