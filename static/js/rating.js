// Saying whether an answer was good: two buttons, and after "bad" a short form that may be left alone. What is sent with
// the form goes to those who look after the documents, with question and answer; the form says so.

import { request } from "./api.js";
import { announce, el, iconButton } from "./dom.js";
import { gettext } from "./language.js";

const REASONS = {
  wrong: gettext("It is wrong"),
  unsupported: gettext("The sources do not say so"),
  incomplete: gettext("Something is missing"),
  off_topic: gettext("It answers another question"),
  unclear: gettext("It is hard to understand"),
  slow: gettext("It took too long"),
};
const MOST = 2000;

// null takes the rating back. Throws ApiError.
export async function sendRating(message, rating) {
  const address = `/api/messages/${message.id}/rating/`;
  message.rating = rating ? await request("PUT", address, rating) : await request("DELETE", address);
}

// `more` opens the form; null where it is open.
export function ratingButtons(message, rate, more) {
  const now = message.rating?.rating ?? null;
  const button = (value, label) => iconButton(value, label, () => rate(now === value ? null : { rating: value }), { "aria-pressed": String(now === value) });
  return el("span", { class: "rating", role: "group", "aria-label": gettext("Rate this answer") },
    button("good", gettext("Good answer")), button("bad", gettext("Bad answer")),
    now && more && iconButton("edit", gettext("Say more about this answer"), more));
}

// `close(explained)` is called with what was said, or with nothing. `temporary`: nothing of the chat is shown to anybody.
export function reasonsForm(message, close, temporary) {
  const given = message.rating ?? {};
  const good = given.rating === "good";
  const curators = !temporary && Boolean(message.sources?.length);
  const boxes = good ? [] : Object.entries(REASONS).map(([value, label]) =>
    el("label", { class: "reason" }, el("input", { type: "checkbox", value, checked: given.reasons?.includes(value) }), label));
  const words = field(given.text);
  const right = field(given.correction);
  const send = (event) => {
    event.preventDefault();
    const reasons = boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value);
    const said = { rating: good ? "good" : "bad", reasons, text: words.value.trim() };
    close({ ...said, correction: good ? "" : right.value.trim(), curators });
  };
  const form = el("form", { class: "reasons", onsubmit: send },
    el("fieldset", {}, el("legend", {}, good ? gettext("What was good?") : gettext("What was wrong?")), el("div", { class: "reason-list" }, ...boxes),
      el("label", { class: "reason-words" }, gettext("In your own words (optional)"), words),
      !good && el("label", { class: "reason-words" }, gettext("What would have been right (optional)"), right)),
    el("p", { class: "reasons-readers", id: `readers-${message.id}` }, ...whoReads(curators, given.curators)),
    el("div", { class: "dialog-actions" },
      el("button", { type: "button", class: "button quiet small", onclick: () => close(null) }, gettext("Not now")),
      el("button", { class: "button small", "aria-describedby": `readers-${message.id}` }, gettext("Send feedback"))));
  form.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), close(null)));
  return form;
}

function field(value) {
  const area = el("textarea", { rows: 2, maxlength: MOST, dir: "auto" });
  area.value = value ?? "";
  return area;
}

function whoReads(curators, before) {
  if (!curators) return [gettext("Nobody is shown your question, the answer or what you write here: your rating is counted, and that is all.")];
  return [
    gettext("If you send this, the people who look after the documents behind this answer can read your question, the answer and what you write here. Your name is not shown to them."),
    " ",
    before
      ? gettext("With “Not now” they can go on reading what you sent before, until you change it here or take your rating back.")
      : gettext("With “Not now” your rating is counted, and that is all."),
  ];
}

export function thank() {
  announce(gettext("Thank you. What you said was sent."));
}
