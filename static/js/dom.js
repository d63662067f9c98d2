// Building elements. Text goes in as text, never as markup.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// What stands between back-ticks is to be typed.
export function withCommands(advice) {
  return advice.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  copy: "M9 9h11v11H9z M5 15H4V4h11v1",
  check: "M4 12.5l5 5L20 6.5",
  edit: "M4 20h4L19 9l-4-4L4 16z",
  retry: "M4 12a8 8 0 1 0 2.5-5.8 M4 4v5h5",
  trash: "M4 7h16 M9 7V4h6v3 M6 7l1 13h10l1-13",
  left: "M14.5 5l-7 7 7 7",
  right: "M9.5 5l7 7-7 7",
  down: "M6 9.5l6 6 6-6",
  plus: "M12 5v14 M5 12h14",
  more: "M5.5 12h.01 M12 12h.01 M18.5 12h.01",
  folder: "M3 6h6l2 2.5h10V19H3z",
  archive: "M4 5h16v4H4z M5.5 9v10h13V9 M10 13h4",
  minus: "M5 12h14",
  close: "M6 6l12 12 M18 6L6 18",
  download: "M12 4v11 M7 11l5 5 5-5 M5 20h14",
  file: "M6 3h8l5 5v13H6z M14 3v5h5",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z M3 20c0-4 2.7-6 6-6s6 2 6 6 M16 4.5a3.5 3.5 0 0 1 0 6.5 M17.5 14.3c2.2.8 3.5 2.8 3.5 5.7",
  continue: "M6 4l12 8-12 8z",
  why: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 11v5.5 M12 7.6h.01",
  good: "M7 11v9H4v-9z M7 11l4-7c1.6 0 2.3 1.2 2 2.6L12.3 10H18a2 2 0 0 1 2 2.3l-1 6a2 2 0 0 1-2 1.7H7",
  bad: "M7 13V4H4v9z M7 13l4 7c1.6 0 2.3-1.2 2-2.6L12.3 14H18a2 2 0 0 0 2-2.3l-1-6A2 2 0 0 0 17 4H7",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, props = {}) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

// To the clipboard; the focus goes back to the button.
export async function copyWords(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "visually-hidden" });
    area.value = text;
    (button.closest("dialog") ?? document.body).append(area); // nothing outside of an open dialog can be selected
    area.select();
    document.execCommand("copy"); // pages served without TLS have no clipboard API
    area.remove();
    button.focus();
  }
}

export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
}

export function remember(key, value, store = null) {
  try {
    const kept = store ?? sessionStorage; // to name it fails in a frame on another site
    if (value === null || value === "") kept.removeItem(key);
    else kept.setItem(key, value);
  } catch {
    // Storage may be full or forbidden; nothing depends on it.
  }
}

export function recall(key, store = null) {
  try {
    return (store ?? sessionStorage).getItem(key);
  } catch {
    return null;
  }
}
