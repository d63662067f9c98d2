// How the opened collection comes along: what is on its way, how fast, until when; and what failed, by its reasons.

import { el, withCommands } from "./dom.js";
import { gettext, ngettext, number, said, time } from "./language.js";

const owedOf = ({ waiting, in_work: work, paused }) => waiting.parsing + waiting.embedding + work.parsing + work.embedding + paused;

// `shown`: what the server says of the collection; `total`: all of its documents
export function paintIngestion(root, shown, total, actions) {
  const owed = shown ? owedOf(shown) : 0;
  const open = root.querySelector("details")?.open ?? false;
  const focused = root.contains(document.activeElement) ? document.activeElement.textContent : null;
  root.hidden = !owed && !shown?.failures.length;
  root.replaceChildren(...(owed ? [progress(shown, owed, total, actions)] : []), ...(shown?.failures.length ? [failures(shown, open, actions)] : []));
  if (focused) [...root.querySelectorAll("button, summary")].find((one) => one.textContent === focused)?.focus();
}

function progress(shown, owed, total, { cancel }) {
  const trouble = shown.state === "stuck" || shown.state === "paused";
  const waits = shown.waiting.parsing + shown.waiting.embedding + shown.paused;
  return el("div", { class: `ingestion-progress ${trouble ? "trouble" : ""}` },
    el("progress", { max: Math.max(total, owed), value: Math.max(total, owed) - owed, "aria-label": gettext("Documents that are ready or failed") }),
    el("p", {}, el("strong", {}, ngettext("%(count)s document on the way", "%(count)s documents on the way", owed)), ` · ${stages(shown).join(" · ")}`),
    trouble || (shown.state === "waiting" && shown.reason) ? el("p", { class: trouble ? "trouble-text" : "quiet-text", role: trouble ? "alert" : null }, ...withCommands(said(shown.reason))) : null,
    el("p", { class: "quiet-text" }, pace(shown)),
    waits > 0 && el("button", { type: "button", class: "button small", onclick: () => cancel(waits) }, gettext("Call off what waits")));
}

function stages({ waiting, in_work: work, paused }) {
  const parts = [
    [waiting.parsing, (count) => ngettext("%(count)s to be read", "%(count)s to be read", count)],
    [work.parsing, (count) => ngettext("%(count)s being read", "%(count)s being read", count)],
    [waiting.embedding, (count) => ngettext("%(count)s to be indexed", "%(count)s to be indexed", count)],
    [work.embedding, (count) => ngettext("%(count)s being indexed", "%(count)s being indexed", count)],
    [paused, (count) => ngettext("%(count)s to be tried again soon", "%(count)s to be tried again soon", count)],
  ];
  return parts.filter(([count]) => count).map(([count, words]) => words(count));
}

function pace({ passages_per_s: passages, documents_per_min: perMinute, ends_at: ends, oldest_waiting_s: oldest, state }) {
  const parts = [];
  if (passages) parts.push(gettext("%(passages)s passages a second, %(documents)s documents a minute", { passages: number(passages), documents: number(Math.round(perMinute)) }));
  if (ends) parts.push(when(new Date(ends)));
  else if (oldest > 60 && state !== "working") parts.push(gettext("the oldest has waited for %(duration)s", { duration: duration(oldest) }));
  return parts.join("; ");
}

function when(end) {
  const seconds = (end - Date.now()) / 1000;
  if (seconds < 90) return gettext("done in about a minute");
  const values = { duration: duration(seconds), time: time(end) };
  return seconds < 18 * 3600 ? gettext("done in about %(duration)s, at %(time)s", values) : gettext("done in about %(duration)s", values);
}

function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return ngettext("%(count)s minute", "%(count)s minutes", minutes);
  const hours = Math.round(minutes / 60);
  return hours < 48 ? ngettext("%(count)s hour", "%(count)s hours", hours) : ngettext("%(count)s day", "%(count)s days", Math.round(hours / 24));
}

function failures(shown, open, { retryAll }) {
  const again = shown.failures.filter((one) => one.retryable).reduce((sum, one) => sum + one.documents, 0);
  return el("details", { class: "ingestion-failures", open },
    el("summary", {}, ngettext("%(count)s document failed", "%(count)s documents failed", shown.failed)),
    el("ul", {}, ...shown.failures.map((one) =>
      el("li", {},
        el("span", { dir: "auto" }, el("strong", {}, number(one.documents)), " · ", ...told(one)),
        one.retryable && el("button", { type: "button", class: "button small", onclick: () => retryAll(one.code), "aria-label": gettext("Try again what failed so: %(reason)s", { reason: said(one.sentence) }) }, gettext("Try again"))))),
    again > 0 && el("button", { type: "button", class: "button small", onclick: () => retryAll(null) }, gettext("Try all again that may succeed (%(number)s)", { number: number(again) })));
}

// Documents of one kind of failure may have been told different things: each with how many were.
function told({ documents: all, sentence, sentences = [] }) {
  if (sentences.length < 2) return [said(sentence)];
  const rest = all - sentences.reduce((sum, one) => sum + one.documents, 0);
  const lines = sentences.map((one) => `${number(one.documents)}: ${said(one.sentence)}`);
  return [...lines, ...(rest > 0 ? [gettext("%(number)s: other reasons of this kind", { number: number(rest) })] : [])].flatMap((line, at) => (at ? [el("br"), line] : [line]));
}
