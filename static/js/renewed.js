// A part of a page that is asked for again and again while the page is looked at: [data-renewed] with an id; with
// [data-at-once] also as soon as the page is there.

import { el } from "./dom.js";
import { gettext, time } from "./language.js";

const PATIENCE = 15000; // the server's own bounds are shorter

async function renew(box) {
  if (document.hidden || box.dataset.asked) return;
  box.dataset.asked = "yes"; // one at a time, however slow the answers are
  try {
    await renewNow(box);
  } finally {
    delete box.dataset.asked;
  }
}

async function renewNow(box) {
  const came = await fresh(box).catch(() => null);
  if (!came) return tellOf(box);
  if (!came.hasAttribute("data-renewed")) return location.reload(); // it ended: other buttons
  box.replaceChildren(...came.childNodes);
  box.dataset.at = timeNow();
}

async function fresh(box) {
  const from = box.dataset.from || location.href;
  const response = await fetch(from, { signal: AbortSignal.timeout(PATIENCE), headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html").getElementById(box.id);
}

// Until the next try, which comes by itself, brings something: that replaces the sentence as well.
function tellOf(box) {
  if (box.querySelector(":scope > .not-renewed")) return;
  box.prepend(el("p", { class: "not-renewed", role: "status" }, gettext("Not renewed since %(time)s.", { time: box.dataset.at })));
}

const timeNow = () => time(new Date(), { hour12: false });

for (const box of document.querySelectorAll("[data-renewed]")) {
  box.dataset.at = timeNow();
  if ("atOnce" in box.dataset) renew(box); // what takes a while is not waited for with the page
  setInterval(() => renew(box), 1000 * Number(box.dataset.renewed));
}
