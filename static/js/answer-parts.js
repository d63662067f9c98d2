// What an answer consists of wherever one is written: on the chat page and in the frame of a widget.

import { announce, el } from "./dom.js";
import { gettext, number, said } from "./language.js";
import { numbersOf } from "./numbering.js";

export const PAINT_EVERY = 60; // ms between two paints of a growing answer
export const FATES = {
  stopped: gettext("You stopped this answer."),
  interrupted: gettext("This answer broke off."),
};
const ANNOUNCED = 600; // characters

export function stageText(frame) {
  const { stage, queue_position: place, read, of } = frame ?? {};
  if (stage === "searching") return gettext("Searching the documents");
  if (stage === "files") return gettext("Waiting until the attached files are read");
  if (stage === "writing") return gettext("Writing");
  if (stage !== "reading") return gettext("Sending");
  if (place) return gettext("Waiting for the model: %(place)s in line", { place: number(place) });
  if (of > 0 && read > 0 && read < of) return gettext("Reading the passages (%(share)s)", { share: `${Math.round((100 * read) / of)} %` });
  return gettext("Reading the passages");
}

export const headingOf = ({ role }) => el("h2", { class: "visually-hidden" }, role === "user" ? gettext("You asked") : gettext("Answer"));

// The stage of an answer of which there is no word yet, in its line; empty otherwise.
export function paintStage(line, message) {
  const waiting = message.status === "streaming" && !message.text;
  line.hidden = !waiting;
  const text = waiting ? stageText(message.stage) : "";
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  line.replaceChildren(el("span", { class: "dots", "aria-hidden": "true" }), text);
}

// Those that are cited, in the order of their marks.
export function citedSources(message) {
  const cited = new Set((message.citations ?? []).map((one) => one.number));
  const numbers = numbersOf(message);
  return (message.sources ?? []).filter((one) => cited.has(one.number)).sort((one, other) => numbers.get(one.number) - numbers.get(other.number));
}

// `shown`: its number, false for none yet; `home`: where its document lies, '' where that tells nothing.
export function sourceButton(source, { shown, home, open }) {
  const where = [home, source.locator || (source.page && gettext("page %(page)s", source)), source.heading].filter(Boolean).join(" · ");
  return el("button", { type: "button", class: "source", data: { number: source.number }, onclick: (event) => open(event.currentTarget) },
    shown && el("span", { class: "number", "aria-hidden": "true" }, String(shown)),
    el("span", { class: "source-words" }, el("span", { class: "source-name", dir: "auto" }, source.document?.name ?? gettext("A removed document")),
      where && el("span", { class: "source-where", dir: "auto" }, where)));
}

// `warning`: what stands under it, which comes first here: who hears the answer may not listen to its end.
export function sayEnded({ text, status, error }, warning = "") {
  const words = gettext("Answer: %(text)s", { text: text.replace(/\[\d+\]/g, "").slice(0, ANNOUNCED) });
  announce(status === "complete" ? [warning, words].filter(Boolean).join(" ") : (said(error?.message) ?? gettext("The answer was not finished.")));
}
