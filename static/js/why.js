// Why an answer is as it is: what was searched and found, who was asked to write, what rules did, how long it took.

import { request } from "./api.js";
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { engineName } from "./engines.js";
import { gettext, ngettext, number, said } from "./language.js";
import { numbersOf } from "./numbering.js";

const FATES = {
  "not meant": gettext("Not meant for this question"),
  "passed by": gettext("Not available"),
  failed: gettext("Failed"),
  stopped: gettext("Stopped"),
  overtaken: gettext("Another was faster"),
  wrote: gettext("Wrote"),
};
const PLACES = { question: gettext("In the question"), passages: gettext("In the passages"), answer: gettext("In the answer") };
const KINDS = {
  email: gettext("e-mail addresses"),
  phone: gettext("telephone numbers"),
  card: gettext("card numbers"),
  iban: gettext("IBANs"),
  bank_account: gettext("bank accounts"),
  us_ssn: gettext("US social security numbers"),
  national_id: gettext("national identity, tax and health numbers"),
  passport: gettext("passport numbers"),
  driving_licence: gettext("driving licences"),
  ip_address: gettext("IP addresses"),
  mac_address: gettext("hardware addresses"),
  url: gettext("web addresses"),
  secret: gettext("keys, tokens and passwords"),
  hidden_text: gettext("characters that a reader does not see"),
  toxicity: gettext("insults, hate, threats and sexual content"),
  self_harm: gettext("wishes to harm oneself"),
  jailbreak: gettext("orders to the model to break its rules"),
  injection: gettext("instructions to the model within documents"),
  harmful: gettext("requests for help with a crime"),
  link: gettext("links that stand in no source"),
  link_target: gettext("links that stand in no source"),
  canary: gettext("the instructions of the model"),
};
const ACTIONS = {
  warn: gettext("left as it was, and written down"),
  seal: gettext("masked for the model and for others"),
  mask: gettext("masked"),
  block: gettext("blocked"),
  removed: gettext("removed"),
  ended: gettext("the answer was ended there"),
};
const STAGES = [
  ["search", gettext("Search"), "search"],
  ["waiting", gettext("Waiting for the model"), "reading"],
  ["reading", gettext("Reading, to the first word"), "first_text"],
  ["writing", gettext("Writing"), "total"],
];

// `cite` opens a passage in its document; `scope`: what was searched, in words, '' for everything.
export function explainAnswer(message, { cite, scope }) {
  style();
  const body = el("div", { class: "why", "aria-busy": "true" }, el("p", { class: "quiet-text" }, gettext("Looking…")));
  const open = openDialog(gettext("Why this answer"), (answer) => {
    fill(body, message, scope, answer);
    return el("div", {}, body,
      el("form", { method: "dialog", class: "dialog-actions" }, el("button", { class: "button primary", autofocus: true }, gettext("Close"))));
  }, { wide: true });
  return open.then((wanted) => wanted && cite(wanted));
}

function style() {
  const href = String(new URL("../css/why.css", import.meta.url));
  if (!document.querySelector(`link[href="${href}"]`)) document.head.append(el("link", { rel: "stylesheet", href }));
}

async function fill(body, message, scope, leave) {
  try {
    const why = await request("GET", `/api/messages/${message.id}/why/`);
    const parts = [kept(why), searched(why, scope), passages(why, numbersOf(message), leave), engines(why), rules(why), grounding(why), spent(why)];
    body.replaceChildren(...parts.filter(Boolean));
  } catch (error) {
    body.replaceChildren(el("p", { role: "alert" }, `${error.message} ${error.advice ?? ""}`));
  }
  body.removeAttribute("aria-busy");
}

const section = (title, ...children) => el("section", {}, el("h3", {}, title), ...children);
const quiet = (...words) => el("p", { class: "quiet-text" }, ...words);
const percent = (share) => `${Math.round(100 * share)} %`;

function kept({ kept: known, cached, continued }) {
  const words = [
    cached && gettext("The words of this answer were given before, to the same question about the same documents; the search was made anew."),
    continued && gettext("It was continued later: engines, times and tokens are those of its last part."),
    !known && gettext("Of this answer not everything was kept: the scores by meaning and by words, the engines that were passed by and what content rules did are missing."),
  ].filter(Boolean);
  return words.length > 0 && el("div", { class: "notice" }, el("span", {}, words.join(" ")));
}

function searched({ asked, index_version: version, passages: found }, scope) {
  const sure = found.find((one) => one.confidence !== null)?.confidence;
  return section(gettext("What was searched"),
    asked && el("blockquote", { class: "why-asked", dir: "auto" }, asked),
    quiet([
      gettext("The question as it stands here; no model put it in other words."),
      scope ? gettext("Searched in: %(scope)s", { scope }) + "." : gettext("All documents that you may read."),
      version ? gettext("Index version %(version)s.", { version: number(version) }) : "",
      sure === undefined ? "" : gettext("The search is %(share)s sure that the documents answer it at all.", { share: percent(sure) }),
    ].filter(Boolean).join(" ")));
}

function passages({ passages: all }, numbers, leave) {
  if (!all.length) return section(gettext("Passages"), quiet(gettext("No passage was found.")));
  const shown = [...all].sort((a, b) => b.cited - a.cited || numbers.get(a.number) - numbers.get(b.number));
  return section(gettext("Passages"),
    quiet(gettext("What the model was given. Match: 0 to 1, from both. By meaning: how alike question and passage are. By words: rare words in common count most (BM25).")),
    el("ol", { class: "why-passages" }, ...shown.map((one) => passage(one, numbers.get(one.number), leave))));
}

function passage(one, place, leave) {
  const where = [one.locator || (one.page && gettext("page %(page)s", one)), one.heading].filter(Boolean).join(" · ");
  const state = one.withheld ? gettext("Kept from the model by a content rule") : one.cited ? gettext("Cited") : gettext("Not cited");
  const name = el("span", { dir: "auto" }, one.document?.name ?? gettext("A removed document"));
  return el("li", {},
    el("p", { class: "why-name" }, el("span", { class: "number" }, String(place)),
      one.readable ? el("button", { type: "button", class: "link", onclick: () => leave(one.number) }, name) : name,
      el("span", { class: one.cited ? "badge now" : "badge" }, state)),
    where && el("p", { class: "quiet-text", dir: "auto" }, where),
    !one.readable && quiet(gettext("You may not read it any more.")),
    scores(one));
}

function scores({ score, dense, lexical }) {
  const all = [[gettext("Match"), score, 2], [gettext("By meaning"), dense, 2], [gettext("By words"), lexical, 1]];
  return el("dl", { class: "why-scores" }, ...all.filter(([, value]) => typeof value === "number")
    .map(([name, value, digits]) => el("div", {}, el("dt", {}, name), el("dd", {}, number(value, digits)))));
}

function engines({ line, route }) {
  if (!line.length) return null;
  return section(gettext("Who was asked"),
    route && quiet(gettext("Route: %(name)s", { name: route })),
    el("ol", { class: "why-engines" }, ...line.map(engine)));
}

function engine(one) {
  const read = [
    one.first_token_ms !== undefined && gettext("first word after %(time)s", { time: seconds(one.first_token_ms) }),
    one.read && gettext("%(count)s tokens read", { count: number(one.read) }),
    one.read_before && gettext("%(count)s of them held from before", { count: number(one.read_before) }),
    one.written && gettext("%(count)s tokens written", { count: number(one.written) }),
    one.estimated && gettext("estimated"),
  ].filter(Boolean).join(" · ");
  return el("li", {},
    el("p", { class: "why-name" }, el("span", { dir: "auto" }, engineName(one.engine)), el("span", { class: one.fate === "wrote" ? "badge now" : "badge" }, FATES[one.fate] ?? gettext("Not needed"))),
    one.why && quiet(said(one.why)),
    read && quiet(read));
}

function rules({ found }) {
  if (!found) return null;
  const lists = Object.entries(PLACES).filter(([place]) => found[place]?.length);
  const told = ({ kind, action, times }) => gettext("%(what)s: %(action)s (%(times)s)", {
    what: KINDS[kind] ?? gettext("words and patterns of a list"),
    action: ACTIONS[action] ?? action,
    times: ngettext("once", "%(count)s times", times),
  });
  return section(gettext("Content rules"), ...(lists.length
    ? lists.map(([place, name]) => el("div", {}, el("h4", {}, name), el("ul", {}, ...found[place].map((one) => el("li", {}, told(one))))))
    : [quiet(gettext("Nothing was found that they speak of."))]));
}

function grounding({ unsupported: count, quoted, passages: all }) {
  if (!all.length) return null;
  const words = quoted ? gettext("Quoted word for word: it says nothing of its own that would have to be looked up.")
    : count === null ? gettext("It was not looked at.")
      : count ? ngettext("One sentence is underlined with dots: the passages that it names do not say so.", "%(count)s sentences are underlined with dots: the passages that they name do not say so.", count)
        : gettext("Figures, names and most words of each sentence stand in the passages that it names.");
  return section(gettext("Whether it stands in the passages"), quiet(words));
}

function seconds(milliseconds) {
  return milliseconds < 1000 ? gettext("%(count)s ms", { count: number(Math.round(milliseconds)) }) : gettext("%(count)s s", { count: number(milliseconds / 1000, 1) });
}

// -> [{id, name, ms}], one after the other; where it is not known when the model began to read, waiting counts as reading.
function stagesOf(timings) {
  let before = 0;
  return STAGES.filter(([, , mark]) => mark in timings).map(([id, name, mark]) => {
    const ms = Math.max(0, timings[mark] - before);
    before = Math.max(before, timings[mark]);
    return { id, name: id === "reading" && !("reading" in timings) ? gettext("Waiting and reading, to the first word") : name, ms };
  });
}

function spent({ timings, usage, cost, cached }) {
  const stages = stagesOf(timings ?? {});
  const facts = [
    timings?.total !== undefined && [gettext("Altogether"), seconds(timings.total)],
    !cached && usage?.prompt_tokens > 0 && [gettext("Tokens read"), number(usage.prompt_tokens)],
    !cached && usage?.completion_tokens > 0 && [gettext("Tokens written"), number(usage.completion_tokens)],
    cost !== null && [gettext("Cost"), gettext("%(amount)s in the currency of the prices", { amount: number(Number(cost), 5) })],
  ].filter(Boolean);
  if (!stages.length && !facts.length) return null;
  const longest = Math.max(1, ...stages.map((one) => one.ms));
  return section(gettext("Time and cost"),
    el("dl", { class: "why-times" }, ...stages.map((one) => time(one, longest)), ...facts.map(([name, value]) => el("div", { class: "why-sum" }, el("dt", {}, name), el("dd", {}, value)))));
}

function time({ id, name, ms }, longest) {
  const bar = el("span", { class: `why-bar ${id}`, "aria-hidden": "true" });
  bar.style.inlineSize = `${(100 * ms) / longest}%`;
  return el("div", {}, el("dt", {}, name), el("dd", {}, el("span", { class: "why-track", "aria-hidden": "true" }, bar), seconds(ms)));
}
