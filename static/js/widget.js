// The one tag of a page that shows a chat of Footnote:
//   <script src="https://footnote.example/widget.js" data-key="..." defer></script>
// It adds one element with a shadow root to the page, in it a button and a frame, and asks no other host for anything.
// The page's Content-Security-Policy needs Footnote in script-src and frame-src (or child-src, or default-src).
(function () {
  "use strict";
  const script = document.currentScript;
  const key = script && script.dataset.key;
  if (!key) return;
  const home = new URL(script.src).origin;
  const STYLE = `
    :host { all: initial; position: fixed; z-index: 2147483000; inset-block-end: 20px; inset-inline-end: 20px; font: 16px system-ui, sans-serif; }
    :host([data-side="start"]) { inset-inline: 20px auto; }
    :host(:not([data-ready])) { inset: auto; inline-size: 0; block-size: 0; visibility: hidden; }
    button { all: unset; box-sizing: border-box; display: grid; place-items: center; inline-size: 56px; block-size: 56px; border-radius: 50%;
      background: var(--accent, #1f5f5b); color: var(--ink, #fff); cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / 0.3); }
    button:focus-visible { outline: 3px solid var(--accent, #1f5f5b); outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
    svg { inline-size: 26px; block-size: 26px; fill: none; stroke: currentcolor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
    .panel { position: fixed; box-sizing: border-box; inset-block-end: 88px; inset-inline-end: 20px; inline-size: 400px; block-size: min(640px, calc(100dvh - 108px));
      max-inline-size: calc(100vw - 40px); border: 1px solid rgb(128 128 128 / 0.5); border-radius: 16px; overflow: hidden; box-shadow: 0 8px 32px rgb(0 0 0 / 0.3); visibility: hidden; }
    :host([data-side="start"]) .panel { inset-inline: 20px auto; }
    :host([data-open][data-ready]) .panel { visibility: visible; }
    iframe { display: block; inline-size: 100%; block-size: 100%; border: 0; }
    @media (max-width: 480px) {
      .panel, :host([data-side="start"]) .panel { inset: 0; inline-size: 100vw; max-inline-size: none; block-size: 100dvh; border: 0; border-radius: 0; }
      :host([data-open]) button { visibility: hidden; }
    }
    @media (forced-colors: active) { button { border: 2px solid ButtonText; } }
    @media print { :host { display: none; } }
  `;

  function start() {
    if (document.querySelector("[data-footnote-widget]")) return;
    const host = document.createElement("div");
    host.dataset.footnoteWidget = "";
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE); // a <style> would need the page's style-src
    root.adoptedStyleSheets = [sheet];
    const panel = document.createElement("div");
    const frame = document.createElement("iframe");
    const button = picture();
    let labels = { open: "", close: "" };

    panel.className = "panel";
    frame.title = "Footnote";
    // It opens windows to sign in and to show documents, and leads the page nowhere.
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox");
    frame.setAttribute("allow", "clipboard-write");
    frame.setAttribute("referrerpolicy", "no-referrer");
    frame.src = `${home}/widget/frame/${encodeURIComponent(key)}/?from=${encodeURIComponent(location.origin)}`;
    panel.append(frame);

    const isOpen = () => host.hasAttribute("data-open");
    const tell = (what) => frame.contentWindow && frame.contentWindow.postMessage({ footnote: what }, home);
    function toggle(open) {
      host.toggleAttribute("data-open", open);
      button.setAttribute("aria-expanded", String(open));
      button.setAttribute("aria-label", open ? labels.close : labels.open);
      if (!open) return;
      frame.focus();
      tell("open");
    }
    button.addEventListener("click", () => toggle(!isOpen()));
    button.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && isOpen()) toggle(false);
    });
    addEventListener("message", (event) => {
      if (event.origin !== home || event.source !== frame.contentWindow || !event.data) return;
      if (event.data.footnote === "ready") ready(event.data);
      else if (event.data.footnote === "close" && isOpen()) {
        button.focus(); // before the frame that has the focus is hidden
        toggle(false);
      }
    });

    function ready(told) {
      labels = { open: String(told.open), close: String(told.close) };
      frame.title = String(told.title);
      host.dir = told.dir === "rtl" ? "rtl" : "ltr";
      host.lang = String(told.lang);
      host.dataset.side = told.side === "start" ? "start" : "end";
      if (/^#[0-9a-f]{6}$/i.test(told.accent)) {
        host.style.setProperty("--accent", told.accent);
        host.style.setProperty("--ink", told.ink === "#000000" ? "#000000" : "#ffffff");
      }
      host.dataset.ready = "";
      toggle(isOpen());
    }
    root.append(button, panel);
    document.body.append(host);
  }

  function picture() {
    const button = document.createElement("button");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", "M4 5h16v11H10l-5 4v-4H4z M8 9h8 M8 12.5h5");
    svg.append(path);
    button.append(svg);
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    return button;
  }

  // Behind the page itself, which comes first.
  if (document.readyState === "complete") start();
  else addEventListener("load", start, { once: true });
})();
