// Letting a person or a group read a branch, and ending it.

import { request } from "./api.js";
import { copyButton } from "./copying.js";
import { openDialog } from "./dialogs.js";
import { announce, el } from "./dom.js";
import { day, gettext } from "./language.js";

const MOMENT = { hour: "2-digit", minute: "2-digit" };

// `last`: the message at the end of the branch that is shown; null: the newest branch
export async function shareConversation(item, last, onChanged) {
  const found = await request("GET", `/api/conversations/${item.id}/shares/`);
  await openDialog(gettext("Share this conversation"), () => new ShareDialog(item, last, found).node);
  onChanged();
}

class ShareDialog {
  constructor(item, last, { shares, groups }) {
    Object.assign(this, { item, last, shares });
    this.list = el("ul", { class: "share-list" });
    this.problem = el("p", { class: "notice problem", role: "alert", hidden: true });
    this.name = el("input", { type: "text", maxlength: 254, dir: "auto", autocomplete: "off", autocapitalize: "none", spellcheck: "false", autofocus: true });
    this.naming = el("label", { class: "field" }, gettext("Name or e-mail address"), this.name);
    this.whom = el("select", {}, el("option", { value: "" }, gettext("A person")),
      ...groups.map(({ id, name }) => el("option", { value: id }, gettext("Group: %(name)s", { name }))));
    this.whom.addEventListener("change", () => (this.naming.hidden = this.whom.value !== ""));
    this.node = el("form", { method: "dialog", class: "share-form", onsubmit: (event) => (event.preventDefault(), this.#share()) },
      el("p", {}, gettext("They read it as it stands now; what follows is not shown until you renew it. Answers that rest on documents that they may not read are withheld, and masked values stay masked.")),
      groups.length ? el("label", { class: "field" }, gettext("Share with"), this.whom) : null, this.naming, this.problem,
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button quiet", onclick: (event) => event.target.closest("dialog").close() }, gettext("Close")),
        el("button", { class: "button primary" }, gettext("Share"))),
      this.list);
    this.#paint();
  }

  #paint() {
    this.list.hidden = !this.shares.length;
    this.list.replaceChildren(...this.shares.map((share) => this.#row(share)));
  }

  #row(share) {
    const name = share.person ?? gettext("Group: %(name)s", { name: share.group });
    const since = gettext("as it stood on %(day)s", { day: day(new Date(share.renewed_at), MOMENT) });
    return el("li", {}, el("div", {}, el("strong", { dir: "auto" }, name), el("span", { class: "quiet-text" }, since)),
      el("span", { class: "share-actions" },
        copyButton(() => new URL(share.page, location.href).href, { class: "button small", "aria-label": gettext("Copy link for %(name)s", { name }) }, gettext("Copy link")),
        el("button", { type: "button", class: "button small", "aria-label": gettext("Renew for %(name)s", { name }), onclick: () => this.#renew(share) }, gettext("Renew")),
        el("button", { type: "button", class: "button small", "aria-label": gettext("Stop sharing with %(name)s", { name }), onclick: () => this.#revoke(share) }, gettext("Stop"))));
  }

  #share() {
    const group = this.whom.value;
    const whom = group ? { group: Number(group) } : { person: this.name.value };
    return this.#try(async () => {
      this.#put(await request("POST", `/api/conversations/${this.item.id}/shares/`, { ...whom, message: this.last }));
      this.name.value = "";
      announce(gettext("Shared"));
    });
  }

  #renew(share) {
    return this.#try(async () => {
      this.#put(await request("POST", `/api/shares/${share.id}/`, { message: this.last }));
      announce(gettext("Renewed"));
    });
  }

  #revoke(share) {
    return this.#try(async () => {
      await request("DELETE", `/api/shares/${share.id}/`);
      this.shares = this.shares.filter((one) => one.id !== share.id);
      this.#paint();
      this.name.focus();
      announce(gettext("Not shared any more"));
    });
  }

  #put(share) {
    this.shares = [share, ...this.shares.filter((one) => one.id !== share.id)];
    this.#paint();
  }

  async #try(action) {
    this.problem.hidden = true;
    try {
      await action();
    } catch (error) {
      this.problem.textContent = `${error.message} ${error.advice ?? ""}`;
      this.problem.hidden = false;
    }
  }
}
