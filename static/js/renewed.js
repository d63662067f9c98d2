// A part of a page that is asked for again and again while the page is looked at: [data-renewed] with an id.

const PATIENCE = 8000;

async function renew(box) {
  if (document.hidden) return;
  try {
    const from = box.dataset.from || location.href;
    const response = await fetch(from, { signal: AbortSignal.timeout(PATIENCE), headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return;
    const came = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(box.id);
    if (!came) return;
    if (!came.hasAttribute("data-renewed")) location.reload(); // it ended: other buttons
    else box.replaceChildren(...came.childNodes);
  } catch {
    // The next try comes by itself.
  }
}

for (const box of document.querySelectorAll("[data-renewed]")) {
  setInterval(() => renew(box), 1000 * Number(box.dataset.renewed));
}
