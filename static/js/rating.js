// Saying whether an answer was good: two buttons, and after "bad" a short form that may be left alone.

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

export function ratingButtons(message, rate) {
  const now = message.rating?.rating ?? null;
  const button = (value, label) => iconButton(value, label, () => rate(now === value ? null : { rating: value }), { "aria-pressed": String(now === value) });
  return el("span", { class: "rating", role: "group", "aria-label": gettext("Rate this answer") }, button("good", gettext("Good answer")), button("bad", gettext("Bad answer")));
}

// `close(explained)` is called with what was said, or with nothing.
export function reasonsForm(message, close) {
  const given = message.rating ?? {};
  const boxes = Object.entries(REASONS).map(([value, label]) =>
    el("label", { class: "reason" }, el("input", { type: "checkbox", value, checked: given.reasons?.includes(value) }), label));
  const words = el("textarea", { rows: 2, maxlength: MOST, dir: "auto", "aria-label": gettext("In your own words"), placeholder: gettext("In your own words (optional)") });
  words.value = given.text ?? "";
  const send = (event) => {
    event.preventDefault();
    const reasons = boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value);
    close({ rating: "bad", reasons, text: words.value.trim() });
  };
  const form = el("form", { class: "reasons", onsubmit: send },
    el("fieldset", {}, el("legend", {}, gettext("What was wrong?")), el("div", { class: "reason-list" }, ...boxes), words),
    el("div", { class: "dialog-actions" },
      el("button", { type: "button", class: "button quiet small", onclick: () => close(null) }, gettext("Not now")),
      el("button", { class: "button small" }, gettext("Send feedback"))));
  form.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), close(null)));
  return form;
}

export function thank() {
  announce(gettext("Thank you. What you said was sent."));
}
