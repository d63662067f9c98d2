// The search test bench: sends the form, paints the ranking with its scores, or two rankings side by side.

import { request } from "./api.js";
import { announce, el } from "./dom.js";
import { LANGUAGE, gettext, ngettext, number } from "./language.js";

const form = document.getElementById("bench");
const fields = form.elements;
const results = document.getElementById("results");
const problem = document.getElementById("problem");
const PATIENCE = 70000; // milliseconds; the index service is given 30 seconds for each version
const STEPS = {
  permissions: gettext("who may read"), embedding: gettext("embedding"), finding: gettext("finding"), ranking: gettext("ranking"),
  second_look: gettext("second look"), transfer: gettext("way to the index and back"), check: gettext("checking again"),
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
  document.getElementById("ask").textContent = now ? gettext("Searching …") : gettext("Search");
}

function paint({ tried, moves }) {
  const columns = tried.map((one, place) => column(one, place ? moves : null));
  const missing = moves ? gone(tried, moves) : [];
  results.replaceChildren(el("div", { class: tried.length > 1 ? "beside" : "" }, ...columns), ...missing);
  results.hidden = false;
  announce(tried.map((one) => gettext("%(passages)s found in version %(version)s", { passages: passages(one.results.length), version: one.version })).join("; "));
}

function column(tried, moves) {
  const facts = { model: tried.model, sure: `${Math.round(100 * tried.confidence)} %`, ranked: number(tried.ranked) };
  const steps = Object.entries(STEPS).filter(([step]) => step in tried.milliseconds).map(([step, name]) => `${name} ${number(tried.milliseconds[step])}`);
  return el("div", { class: "tried" },
    el("h2", {}, tried.version ? gettext("%(passages)s from version %(version)s", { passages: passages(tried.results.length), version: tried.version }) : passages(tried.results.length)),
    el("p", { class: "tried-facts" }, tried.confidence === null
      ? gettext("%(model)s · not known how sure that the documents answer at all · the best of %(ranked)s that were ranked", facts)
      : gettext("%(model)s · %(sure)s sure that the documents answer at all · the best of %(ranked)s that were ranked", facts)),
    el("p", { class: "tried-facts" }, gettext("Milliseconds: %(steps)s", { steps: steps.join(", ") })),
    tried.results.length
      ? el("ol", { class: "found" }, ...tried.results.map((one, place) => result(one, place + 1, moves?.[place])))
      : el("p", {}, gettext("Nothing that may be read fits the filters.")));
}

const passages = (count) => ngettext("%(count)s passage", "%(count)s passages", count);

function result(one, place, move) {
  const { name, path, collection, restricted } = one.document;
  const where = [one.page && gettext("page %(page)s", one), one.locator, gettext("passage %(number)s", one), gettext("in %(name)s", { name: collection }), path !== name && path, restricted && gettext("readers of its own")];
  return el("li", {},
    el("p", { class: "found-head" },
      el("span", { class: "found-place" }, String(place)),
      el("a", { href: one.address, dir: "auto", title: gettext("Where it stands in its document") }, name),
      move && moved(place, move)),
    el("p", { class: "found-where", dir: "auto" }, where.filter(Boolean).join(" · ")),
    el("p", { class: "found-text", dir: "auto" }, one.heading ? `${one.heading}\n${one.text}` : one.text),
    el("dl", { class: "found-scores" },
      ...score(gettext("Final"), number(one.score, 3), one.ranked && gettext("%(place)s before the second look", { place: ordinal(one.ranked) })),
      ...score(gettext("Similarity"), number(one.similarity, 3), listed(one.by_meaning)),
      ...score(gettext("Words (BM25)"), number(one.words, 2), listed(one.by_words))));
}

const listed = (place) => (place ? ordinal(place) : gettext("not in that list"));
const score = (name, value, more) => [el("div", {}, el("dt", {}, name), el("dd", {}, more ? `${value} (${more})` : value))];

function ordinal(place) {
  if (LANGUAGE !== "en") return gettext("%(place)sth", { place: number(place) });
  const ending = { one: "st", two: "nd", few: "rd", other: "th" }[new Intl.PluralRules("en", { type: "ordinal" }).select(place)];
  return `${place}${ending}`;
}

function moved(place, { before, document_before: near }) {
  if (before === place) return el("span", { class: "moved" }, gettext("as before"));
  if (before) return el("span", { class: `moved ${before > place ? "up" : "down"}` }, before > place ? gettext("▲ up from %(place)s", { place: ordinal(before) }) : gettext("▼ down from %(place)s", { place: ordinal(before) }));
  return el("span", { class: "moved up" }, near ? gettext("new; its document was %(place)s", { place: ordinal(near) }) : gettext("new"));
}

// What stood in the first ranking and is in the second one no more.
function gone([first], moves) {
  const kept = new Set(moves.map((move) => move.before));
  const left = first.results.map((one, place) => ({ one, place: place + 1 })).filter(({ place }) => !kept.has(place));
  if (!left.length) return [];
  return [el("section", { class: "gone" },
    el("h2", {}, gettext("No longer among these results")),
    el("ul", {}, ...left.map(({ one, place }) => el("li", {}, `${ordinal(place)}: `, el("a", { href: one.address, dir: "auto" }, one.document.name), ` ${gettext("passage %(number)s", one)}`))))];
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

// A link can bring a question behind the #, which no server is told; it does not stay in the address either.
const brought = new URLSearchParams(location.hash.slice(1)).get("question");
if (brought) {
  fields.question.value = brought;
  history.replaceState(null, "", location.pathname + location.search);
}
