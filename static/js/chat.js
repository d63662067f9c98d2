// The chat page: makes the parts and lets them know of one another.

import { fetched, request } from "./api.js";
import { Attachments } from "./attachments.js";
import { ChatSocket, SIGNED_OUT } from "./chat-socket.js";
import { Composer } from "./composer.js";
import { ConversationSearch } from "./conversation-search.js";
import { ConversationList } from "./conversations.js";
import { el, recall, remember } from "./dom.js";
import { explainModels } from "./engines.js";
import { gettext, number, said } from "./language.js";
import { exportsOf } from "./exports.js";
import { openMenu } from "./menu.js";
import { Palette } from "./palette.js";
import { bindKeys, commandsOf, explainKeys } from "./palette-commands.js";
import { adviceFor } from "./person.js";
import { QuoteButton } from "./quoting.js";
import { Scope } from "./scope.js";
import { ScopePanel } from "./scope-panel.js";
import { Session } from "./session.js";
import { closeSidebar, sidebarIsOpen } from "./sidebar.js";
import { sendRating } from "./rating.js";
import { SourcePanel } from "./sources.js";
import { TemporaryChat } from "./temporary.js";
import { Transcript, copyText } from "./transcript.js";
import { toCopy } from "./warnings.js";
import "./theme.js";

const byId = (id) => document.getElementById(id);
const siteName = document.body.dataset.site;
const socket = new ChatSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/chat/`);
const scope = new Scope();
const session = new Session(socket, () => scope.frame);
const panel = new SourcePanel(byId("source-panel"));
const firstSteps = byId("first-steps"); // of administrators, who came from there in this tab
if (firstSteps && recall("first-steps")) firstSteps.hidden = false;
firstSteps?.addEventListener("click", () => remember("first-steps", null));
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("footnote") : null;

const transcript = new Transcript({
  root: byId("messages"),
  scroller: byId("scroller"),
  jump: byId("jump"),
  actions: {
    cite: (message, number, opener) => showSource(message, number, opener),
    copy: (message, button) => copyText(message.role === "user" ? message.text : toCopy(message), button),
    edit: (message, text) => !composer.refuses(text) && attempt(session.edit(message, text)),
    regenerate: (message, engine) => attempt(session.regenerate(message, engine)),
    retry: (message) => attempt(session.regenerate(message)),
    continueAnswer: (message) => attempt(session.continueAnswer(message)),
    choose: (message) => (session.tree.choose(message), paint()),
    rate: (message, rating) => rate(message, rating),
    why: (message) => why(message),
    temporary: () => session.temporary,
    describeScope: (message) => scope.describe(message),
    askEverything: (message) => !session.busy && (scope.clear(), attempt(session.regenerate(message))),
    repaint: () => paint(),
    explainModels,
  },
});

const composer = new Composer({
  form: byId("composer"),
  onAsk: (text) => {
    if (attachments?.sending) return waitForFiles();
    transcript.toEnd();
    early = !socket.greeted;
    return attempt(session.ask(text));
  },
  onStop: () => session.stop(),
  onTooLong: (length, most) =>
    tell(gettext("This is %(length)s characters long; at most %(most)s can be sent. Shorten it, or ask for the text to be uploaded as a document.", { length: number(length), most: number(most) }), { problem: true }),
});

new ScopePanel({
  scope,
  place: byId("composer-place"),
  panel: byId("scope-panel"),
  button: byId("scope-button"),
  chips: byId("scope-chips"),
  onClosed: () => composer.focus(),
});

const attachments = byId("attach") && new Attachments({
  session,
  list: byId("attachments"),
  button: byId("attach"),
  input: byId("attach-files"),
  area: byId("question"),
  drop: document.querySelector(".chat"),
});
let afterFiles = false; // a question was sent while files were on their way: it goes once they are here

function waitForFiles() {
  afterFiles = true;
  tell(gettext("The files are still being sent. Your question goes with them."));
  return false;
}

attachments?.addEventListener("settled", ({ detail: all }) => {
  if (!afterFiles) return;
  afterFiles = false;
  if (all) return tell(null), composer.form.requestSubmit();
  tell(gettext("Not every file could be attached, so your question was not sent. Remove what failed, or send your question as it is."), { problem: true });
});

const list = new ConversationList({
  root: byId("conversations"),
  onOpen: (id, { titleOnly } = {}) => {
    if (titleOnly) return id === session.id && setTitle(titleOnly);
    history.pushState({}, "", `/c/${id}/`);
    return open(id);
  },
  onGone: (id, last) => (id === session.id ? startNew() : last && composer.focus()),
  onChanged: () => tabs?.postMessage({}),
  tell: (words, problem) => tell(words, { problem }),
  more: (item) => {
    const last = item.id === session.id ? session.tree.path().at(-1)?.id : null;
    const share = () => list.attempt(async () => (await fetched(import("./sharing.js"))).shareConversation(item, last, () => list.load()));
    return [{ name: gettext("Share…"), run: share }, ...exportsOf(item, last)];
  },
});

// The same menu at the head of the chat. One that is not in the list (an older one, or of another view) is asked for.
const menuButton = byId("chat-menu");
menuButton.addEventListener("click", async () => {
  const item = list.find(session.id) ?? (await kept(session.id));
  openMenu(menuButton, list.acts.entries(item), menuButton.ariaLabel);
});

async function kept(id) {
  try {
    return await request("GET", `/api/conversations/${id}/`);
  } catch {
    return { id, title: session.title };
  }
}

// Where it is not in the list, its menu asks for what is to be known of it.
function actsOnOpen() {
  const item = list.find(session.id);
  return { menu: item ? list.acts.ofOne(item) : [], keep: item || menuButton.hidden ? null : () => menuButton.click() };
}

const quoting = new QuoteButton((words) => composer.quote(words));

const palette = new Palette({
  commands: () => commandsOf({ ...actsOnOpen(),
    newChat: startNew,
    stop: session.busy ? () => session.stop() : null,
    regenerate: !session.busy && session.tree.lastAnswer() ? () => attempt(session.regenerate(session.tree.lastAnswer())) : null,
    writeQuestion: () => composer.area.focus(),
    jump: () => transcript.toEnd(),
    attach: attachments && (() => attachments.open()),
    selectSeveral: list.shown().length ? () => list.selecting.begin() : null,
    newFolder: () => list.newFolder(),
    importFile: () => list.importFile(),
    showArchived: list.archived ? () => list.show({ kind: "archived" }) : null,
  }),
  conversations: () => list.shown(),
  onOpen: (id) => list.onOpen(id),
});
bindKeys({ palette: () => palette.open(), help: explainKeys, newChat: startNew, write: () => composer.area.focus(), quote: () => quoting.quote() });
byId("palette-button").addEventListener("click", () => palette.open());

new ConversationSearch({
  form: byId("find"),
  root: byId("found"),
  list: byId("conversations"),
  onOpen: async (id, message) => {
    await list.onOpen(id);
    if (session.id !== id || !session.tree.get(message)) return; // the title was found, or another one is open
    for (let at = session.tree.get(message); at; at = session.tree.get(at.parent)) session.tree.choose(at);
    paint();
    transcript.reveal(message);
  },
});

const temporary = new TemporaryChat({
  session,
  button: byId("temporary"),
  note: byId("temporary-note"),
  composer,
  onTurned: () => setTitle(""),
  onClose: () => startNew(),
});

let early = false; // a question is in the box that was asked before the page was connected

function attempt(sent) {
  if (sent) tell(null);
  else if (early) tell(gettext("Connecting. Your question will be sent in a moment."));
  else if (!socket.connected) tell(gettext("Not connected at the moment. Your words are kept; send them once the line is back."));
  return sent;
}

async function rate(message, rating) {
  try {
    await sendRating(message, rating);
    tell(null);
    return true;
  } catch (error) {
    tell(`${gettext("Your rating was not kept.")} ${error.message}`, { problem: true });
    return false;
  }
}

function showSource(message, number, opener) {
  panel.show(message, number, opener);
  panel.nowIn(session.tree.path());
}

async function why(message) {
  const opener = document.activeElement;
  const cite = (number) => showSource(message, number, opener);
  try {
    const { explainAnswer } = await fetched(import("./why.js"));
    await explainAnswer(message, { cite, scope: scope.describe(message) });
  } catch (error) {
    tell(`${error.message} ${error.advice}`, { problem: true });
  }
}

// One quiet line above the box; null takes it away.
function tell(text, { action, onAction, problem = false } = {}) {
  const notice = byId("notice");
  notice.hidden = !text;
  notice.classList.toggle("problem", problem);
  notice.replaceChildren(el("span", {}, text ?? ""));
  if (action) notice.append(el("button", { type: "button", class: "button small", onclick: onAction }, action));
}

function paint() {
  transcript.show(session.tree, session.busy);
  panel.nowIn(session.tree.path());
  composer.setBusy(session.busy);
  byId("empty").hidden = session.tree.messages.size > 0 || (session.id !== null && !attachments?.any);
  temporary.paint();
  menuButton.hidden = session.id === null || session.temporary;
  byId("pending").hidden = !(session.waiting.size && session.id === null);
}

function setTitle(title) {
  byId("title").textContent = title || (session.temporary ? gettext("Temporary chat") : gettext("New conversation"));
  document.title = title ? `${title} · ${siteName}` : siteName;
}

async function open(id) {
  temporary.leave(id);
  panel.close();
  closeSidebar();
  transcript.clear();
  setTitle("");
  list.select(id);
  composer.forConversation(id);
  scope.forConversation(id);
  attachments?.leave(id);
  afterFiles = false;
  tell(null);
  try {
    await session.open(id);
    if (session.id !== id) return;
    composer.setTemporary(session.temporary);
    attachments?.show(session.attachments);
    scope.forConversation(id, session.tree.lastAnswer());
    transcript.toEnd();
    composer.focus();
  } catch (error) {
    paint();
    tell(`${error.message} ${error.advice}`, { problem: true, action: gettext("Try again"), onAction: () => open(id) });
  }
}

function startNew() {
  if (location.pathname !== "/") history.pushState({}, "", "/");
  return open(null);
}

session.addEventListener("changed", paint);
session.addEventListener("grown", (event) => transcript.grown(event.detail));
session.addEventListener("finished", (event) => transcript.finished(event.detail));
session.addEventListener("asked", (event) => scope.asked(event.detail));
scope.addEventListener("changed", paint);
session.addEventListener("elsewhere", ({ detail }) => {
  tabs?.postMessage(detail);
  if (!session.temporary) list.asked(detail.conversation);
});
session.addEventListener("begun", () => list.load());
session.addEventListener("opened", (event) => {
  if (session.temporary) return composer.nowIn(event.detail); // its address would stand in the browser's history
  history.replaceState({}, "", `/c/${event.detail}/`);
  composer.nowIn(event.detail);
  list.select(event.detail);
});
session.addEventListener("title", (event) => {
  setTitle(event.detail.title);
  if (session.temporary) return;
  list.named(event.detail.id, event.detail.title);
});
session.addEventListener("refused", ({ detail: { error, asked } }) => {
  tell([said(error.message), adviceFor(error.advice)].filter(Boolean).join(" "), { problem: true });
  if (asked?.type === "ask") composer.giveBack(asked.text, asked.conversation);
  else if (asked?.type === "edit") transcript.editAgain(asked.message, asked.text);
  list.load();
});
tabs?.addEventListener("message", ({ data }) => {
  if (data.conversation === session.id && !session.turns.has(data.turn)) session.refresh();
  else list.load();
});

byId("question").addEventListener("input", () => {
  if (early) tell(null);
  early = false; // whoever goes on writing decides again when to send
  if (afterFiles) tell(null);
  afterFiles = false;
});

socket.addEventListener("hello", () => {
  if (!early) return;
  early = false;
  tell(null);
  composer.form.requestSubmit();
});

let wasLost = false;
socket.addEventListener("state", ({ detail }) => {
  if (detail.online) {
    if (wasLost) tell(null);
    wasLost = false;
  } else if (detail.code === SIGNED_OUT) {
    const next = encodeURIComponent(location.pathname);
    tell(gettext("You are signed out. Your words are kept here."), { problem: true, action: gettext("Sign in"), onAction: () => location.assign(`/accounts/login/?next=${next}`) });
  } else if (detail.attempt > 1 || session.busy) {
    wasLost = true;
    tell(gettext("The connection was lost. Trying again; an answer that is being written goes on."));
  }
});

addEventListener("popstate", () => open(/^\/c\/([\w-]+)\/$/.exec(location.pathname)?.[1] ?? null));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (sidebarIsOpen()) closeSidebar();
  else if (panel.open) panel.close();
  else if (session.busy) session.stop();
});
for (const button of document.querySelectorAll("[data-new-chat]")) button.addEventListener("click", startNew);
for (const example of document.querySelectorAll("[data-example]")) {
  example.addEventListener("click", () => {
    composer.fill(example.textContent.trim());
    composer.form.requestSubmit();
  });
}

// Whoever comes back to this page may have tidied up on another device.
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && !list.selecting.on && list.load());

socket.connect();
list.load();
open(document.body.dataset.conversation || null);
