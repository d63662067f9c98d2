// How the opened collection comes along: what is on its way, how fast, until when; and what failed, by its reasons.

import { el, withCommands } from "./dom.js";

const number = new Intl.NumberFormat();
const documents = (count) => `${number.format(count)} ${count === 1 ? "document" : "documents"}`;
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
    el("progress", { max: Math.max(total, owed), value: Math.max(total, owed) - owed, "aria-label": "Documents that are ready or failed" }),
    el("p", {}, el("strong", {}, `${documents(owed)} on the way`), ` · ${stages(shown).join(" · ")}`),
    trouble || shown.state === "waiting" ? el("p", { class: trouble ? "trouble-text" : "quiet-text", role: trouble ? "alert" : null }, ...withCommands(shown.reason)) : null,
    el("p", { class: "quiet-text" }, pace(shown)),
    waits > 0 && el("button", { type: "button", class: "button small", onclick: () => cancel(waits) }, "Call off what waits"));
}

function stages({ waiting, in_work: work, paused }) {
  const parts = [
    [waiting.parsing, "to be read"],
    [work.parsing, "being read"],
    [waiting.embedding, "to be indexed"],
    [work.embedding, "being indexed"],
    [paused, "to be tried again soon"],
  ];
  return parts.filter(([count]) => count).map(([count, what]) => `${number.format(count)} ${what}`);
}

function pace({ passages_per_s: passages, documents_per_min: perMinute, ends_at: ends, oldest_waiting_s: oldest, state }) {
  const parts = [];
  if (passages) parts.push(`${number.format(passages)} passages a second, ${number.format(Math.round(perMinute))} documents a minute`);
  if (ends) parts.push(`done ${when(new Date(ends))}`);
  else if (oldest > 60 && state !== "working") parts.push(`the oldest has waited for ${duration(oldest)}`);
  return parts.join("; ");
}

function when(end) {
  const seconds = (end - Date.now()) / 1000;
  if (seconds < 90) return "in about a minute";
  const at = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return seconds < 18 * 3600 ? `in about ${duration(seconds)}, at ${at}` : `in about ${duration(seconds)}`;
}

function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}

function failures(shown, open, { retryAll }) {
  const again = shown.failures.filter((one) => one.retryable).reduce((sum, one) => sum + one.documents, 0);
  return el("details", { class: "ingestion-failures", open },
    el("summary", {}, `${documents(shown.failed)} failed`),
    el("ul", {}, ...shown.failures.map((one) =>
      el("li", {},
        el("span", { dir: "auto" }, el("strong", {}, number.format(one.documents)), " · ", ...said(one)),
        one.retryable && el("button", { type: "button", class: "button small", onclick: () => retryAll(one.code), "aria-label": `Try again what failed so: ${one.sentence}` }, "Try again")))),
    again > 0 && el("button", { type: "button", class: "button small", onclick: () => retryAll(null) }, `Try all again that may succeed (${number.format(again)})`));
}

// Documents of one kind of failure may have been told different things: each with how many were.
function said({ documents: all, sentence, sentences = [] }) {
  if (sentences.length < 2) return [sentence];
  const rest = all - sentences.reduce((sum, one) => sum + one.documents, 0);
  const lines = sentences.map((one) => `${number.format(one.documents)}: ${one.sentence}`);
  return [...lines, ...(rest > 0 ? [`${number.format(rest)}: other reasons of this kind`] : [])].flatMap((line, at) => (at ? [el("br"), line] : [line]));
}
