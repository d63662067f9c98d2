// Saying whether an answer was good: two buttons, and after "bad" a short form that may be left alone.

import { request } from "./api.js";
import { announce, el, iconButton } from "./dom.js";

const REASONS = {
  wrong: "It is wrong",
  unsupported: "The sources do not say so",
  incomplete: "Something is missing",
  off_topic: "It answers another question",
  unclear: "It is hard to understand",
  slow: "It took too long",
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
  return el("span", { class: "rating", role: "group", "aria-label": "Rate this answer" }, button("good", "Good answer"), button("bad", "Bad answer"));
}

// `close(explained)` is called with what was said, or with nothing.
export function reasonsForm(message, close) {
  const given = message.rating ?? {};
  const boxes = Object.entries(REASONS).map(([value, label]) =>
    el("label", { class: "reason" }, el("input", { type: "checkbox", value, checked: given.reasons?.includes(value) }), label));
  const words = el("textarea", { rows: 2, maxlength: MOST, dir: "auto", "aria-label": "In your own words", placeholder: "In your own words (optional)" });
  words.value = given.text ?? "";
  const send = (event) => {
    event.preventDefault();
    const reasons = boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value);
    close({ rating: "bad", reasons, text: words.value.trim() });
  };
  const form = el("form", { class: "reasons", onsubmit: send },
    el("fieldset", {}, el("legend", {}, "What was wrong?"), el("div", { class: "reason-list" }, ...boxes), words),
    el("div", { class: "dialog-actions" },
      el("button", { type: "button", class: "button quiet small", onclick: () => close(null) }, "Not now"),
      el("button", { class: "button small" }, "Send feedback")));
  form.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), close(null)));
  return form;
}

export function thank() {
  announce("Thank you. What you said was sent.");
}
