// The search test bench: sends the form, paints the ranking with its scores, or two rankings side by side.

import { request } from "./api.js";
import { announce, el } from "./dom.js";

const form = document.getElementById("bench");
const fields = form.elements;
const results = document.getElementById("results");
const problem = document.getElementById("problem");
const PATIENCE = 70000; // milliseconds; the index service is given 30 seconds for each version
const STEPS = {
  permissions: "who may read", embedding: "embedding", finding: "finding", ranking: "ranking",
  second_look: "second look", transfer: "way to the index and back", check: "checking again",
};
let asked = 0;

function body() {
  const [kind, name] = fields.as.value.split(/:(.*)/s);
  const filters = { since: fields.since.value, until: fields.until.value, path: fields.path.value, types: fields.kind.value.split(" ").filter(Boolean) };
  const version = fields.version.value ? Number(fields.version.value) : null;
  const against = Number(fields.against?.value ?? 0);
  return {
    question: fields.question.value,
    k: Number(fields.k.value),
    collections: fields.collection.value ? [fields.collection.value] : null,
    filters,
    person: kind === "person" ? fields.person.value : "",
    group: kind === "group" ? name : "",
    versions: against ? [version, against] : [version],
  };
}

async function search(event) {
  event.preventDefault();
  const mine = (asked += 1);
  busy(true);
  try {
    const answer = await request("POST", "/api/search/bench/", body(), { timeout: PATIENCE });
    if (mine !== asked) return;
    problem.hidden = true;
    paint(answer);
  } catch (error) {
    if (mine !== asked) return;
    results.hidden = true;
    problem.hidden = false;
    problem.textContent = `${error.message} ${error.advice}`;
  } finally {
    if (mine === asked) busy(false);
  }
}

function busy(now) {
  results.setAttribute("aria-busy", String(now));
  document.getElementById("ask").textContent = now ? "Searching …" : "Search";
}

function paint({ tried, moves }) {
  const columns = tried.map((one, place) => column(one, place ? moves : null));
  results.replaceChildren(el("div", { class: tried.length > 1 ? "beside" : "" }, ...columns), moves && gone(tried, moves));
  results.hidden = false;
  announce(tried.map((one) => `${passages(one.results.length)} found in version ${one.version}`).join("; "));
}

function column(tried, moves) {
  const sure = tried.confidence === null ? "not known how" : `${Math.round(100 * tried.confidence)} %`;
  const steps = Object.entries(STEPS).filter(([step]) => step in tried.milliseconds).map(([step, name]) => `${name} ${tried.milliseconds[step]}`);
  return el("div", { class: "tried" },
    el("h2", {}, `${passages(tried.results.length)}${tried.version ? ` from version ${tried.version}` : ""}`),
    el("p", { class: "tried-facts" }, `${tried.model} · ${sure} sure that the documents answer at all · the best of ${tried.ranked} that were ranked`),
    el("p", { class: "tried-facts" }, `Milliseconds: ${steps.join(", ")}`),
    tried.results.length
      ? el("ol", { class: "found" }, ...tried.results.map((one, place) => result(one, place + 1, moves?.[place])))
      : el("p", {}, "Nothing that may be read fits the filters."));
}

const passages = (number) => `${number} ${number === 1 ? "passage" : "passages"}`;

function result(one, place, move) {
  const { name, path, collection, restricted } = one.document;
  const where = [one.page && `page ${one.page}`, one.locator, `passage ${one.number}`, `in ${collection}`, path !== name && path, restricted && "readers of its own"];
  return el("li", {},
    el("p", { class: "found-head" },
      el("span", { class: "found-place" }, String(place)),
      el("a", { href: one.address, dir: "auto", title: "Where it stands in its document" }, name),
      move && moved(place, move)),
    el("p", { class: "found-where", dir: "auto" }, where.filter(Boolean).join(" · ")),
    el("p", { class: "found-text", dir: "auto" }, one.heading ? `${one.heading}\n${one.text}` : one.text),
    el("dl", { class: "found-scores" },
      ...score("Final", one.score.toFixed(3), one.ranked && `${ordinal(one.ranked)} before the second look`),
      ...score("Similarity", one.similarity.toFixed(3), listed(one.by_meaning)),
      ...score("Words (BM25)", one.words.toFixed(2), listed(one.by_words))));
}

const listed = (place) => (place ? ordinal(place) : "not in that list");
const score = (name, value, more) => [el("div", {}, el("dt", {}, name), el("dd", {}, more ? `${value} (${more})` : value))];

function ordinal(number) {
  const ending = { one: "st", two: "nd", few: "rd", other: "th" }[new Intl.PluralRules("en", { type: "ordinal" }).select(number)];
  return `${number}${ending}`;
}

function moved(place, { before, document_before: near }) {
  if (before === place) return el("span", { class: "moved" }, "as before");
  if (before) return el("span", { class: `moved ${before > place ? "up" : "down"}` }, `${before > place ? "▲ up" : "▼ down"} from ${ordinal(before)}`);
  return el("span", { class: "moved up" }, near ? `new; its document was ${ordinal(near)}` : "new");
}

// What stood in the first ranking and is in the second one no more.
function gone([first], moves) {
  const kept = new Set(moves.map((move) => move.before));
  const left = first.results.map((one, place) => ({ one, place: place + 1 })).filter(({ place }) => !kept.has(place));
  if (!left.length) return null;
  return el("section", { class: "gone" },
    el("h2", {}, "No longer among these results"),
    el("ul", {}, ...left.map(({ one, place }) => el("li", {}, `${ordinal(place)}: `, el("a", { href: one.address, dir: "auto" }, one.document.name), ` passage ${one.number}`))));
}

function whose() {
  document.getElementById("person-field").hidden = fields.as.value !== "person";
  fields.person.required = fields.as.value === "person";
  document.getElementById("whose").hidden = !fields.as.value;
}

form.addEventListener("submit", search);
fields.as.addEventListener("change", whose);
fields.question.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && (event.preventDefault(), form.requestSubmit()));
whose();
