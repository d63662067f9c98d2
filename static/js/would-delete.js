// What a rule of retention would delete, beside its form, while it is typed. Nothing is stored by looking.

const SETTLED = 350; // ms without another key
const PATIENCE = 15000;

const box = document.querySelector("[data-would-delete]");
const form = box?.closest("form");
let timer = 0;
let asking = null;

async function look() {
  asking?.abort();
  const own = (asking = new AbortController());
  const asked = new URLSearchParams({ group: form.group.value, days: form.days.value, rule: box.dataset.rule ?? "" });
  const signal = AbortSignal.any([own.signal, AbortSignal.timeout(PATIENCE)]);
  const response = await fetch(`${box.dataset.wouldDelete}?${asked}`, { signal, headers: { Accept: "text/html" } }).catch(() => null);
  if (own.signal.aborted || !response?.ok || response.redirected) return;
  const came = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("would-delete");
  if (came && !own.signal.aborted) document.getElementById("would-delete").replaceWith(came);
}

form?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, SETTLED);
});
