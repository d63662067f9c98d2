// A chat that is in no list and is deleted when it is left: the switch that begins one, and the line that says so.

import { csrfToken } from "./api.js";
import { announce } from "./dom.js";
import { gettext } from "./language.js";

export class TemporaryChat {
  constructor({ session, button, note, composer, onTurned, onClose }) {
    Object.assign(this, { session, button, note, composer, onTurned });
    button.addEventListener("click", () => this.#turn(!session.temporary));
    note.querySelector("[data-close-chat]").addEventListener("click", onClose);
    // However the page goes. One that comes back from the browser's memory would show what is no longer there.
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", (event) => event.persisted && this.left && location.reload());
  }

  #turn(on) {
    this.session.temporary = on;
    this.composer.setTemporary(on);
    this.paint();
    this.onTurned();
    announce(on ? gettext("The next chat is temporary") : gettext("The next chat is kept"));
    this.composer.focus();
  }

  paint() {
    const { temporary, id, busy } = this.session;
    this.button.hidden = id !== null || busy;
    this.button.setAttribute("aria-pressed", String(temporary));
    this.note.hidden = !temporary;
    this.note.querySelector("[data-close-chat]").hidden = id === null;
  }

  // Before another conversation, or none, takes its place. Should the line be down, the server does it in time.
  leave(next = null) {
    const { temporary, id } = this.session;
    if (!temporary || (id && id === next)) return;
    this.session.temporary = false;
    if (!id) return;
    this.left = true;
    fetch(`/api/conversations/${id}/`, { method: "DELETE", keepalive: true, headers: { Accept: "application/json", "X-CSRFToken": csrfToken() } })
      .catch(() => {});
  }
}
