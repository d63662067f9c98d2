// The chat in the frame of a widget: as whom it asks, the connection, and what is said about both.

import { ChatSocket, FINAL, OF_ANOTHER, GONE, SIGNED_OUT, TOO_OLD } from "./chat-socket.js";
import { announce, recall, remember } from "./dom.js";
import { gettext, said } from "./language.js";
import { Session } from "./session.js";
import { FrameSource } from "./widget-source.js";
import { FrameTranscript } from "./widget-transcript.js";

const LOOK_EVERY = 3000; // ms, while somebody signs in in another window
const LOOKS = 200;
const byId = (id) => document.getElementById(id);
const { ticket, subprotocol, key } = document.body.dataset;
const keptOf = (who) => `widget-conversation ${key} ${who}`;
const elsewhere = "elsewhere" in document.body.dataset;
const area = byId("question"), form = byId("composer");
const send = form.querySelector("[data-send]"), stop = form.querySelector("[data-stop]");

// Visitors have no door over HTTP: what the socket resumes is what there is.
class FrameSession extends Session {
  async refresh() {
    if (asksAs === "person") await super.refresh();
  }
}

const socket = new ChatSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/widget/`, [subprotocol, ticket]);
socket.addEventListener("hello", ({ detail }) => meet(detail)); // before the session, which sees to what was sent last
const session = new FrameSession(socket);
const source = new FrameSource(byId("source-panel"), () => asksAs === "person");
const transcript = new FrameTranscript({
  root: byId("messages"),
  scroller: byId("scroller"),
  cite: (message, number, opener) => source.show(message, number, opener),
  again: (message) => ask(session.tree.get(message.parent)?.text ?? ""),
});
let asksAs = ""; // "person" or "visitor", once the server has said so; "" again when it asks no more
let asker = ""; // whose chat it is or was last, as the server tells people and visitors apart
let looks = null;
let waiting = false; // what stands in the box is to be sent once there is a connection

export function opened() {
  if (!socket.socket) socket.connect(); // the focus is there already, or has left again
}

function notice(words = "", problem = false) {
  const line = byId("notice");
  line.hidden = !words;
  line.classList.toggle("problem", problem);
  line.textContent = words;
}

function paint() {
  const { busy, tree } = session;
  const asked = tree.path().length > 0;
  transcript.show(tree, busy);
  byId("pending").hidden = session.waiting.size === 0;
  byId("anew").hidden = !asked || busy;
  byId("whole").hidden = asksAs !== "person";
  byId("whole").href = session.id ? `/c/${session.id}/` : "/";
  stop.hidden = !busy;
  send.hidden = busy;
  send.disabled = !area.value.trim();
}

function ask(text) {
  const most = Number(area.dataset.most), length = [...text].length;
  if (length > most) return notice(said(`The question has ${length} characters; at most ${most} are allowed.`), true);
  if (!text || !session.ask(text)) return false;
  notice();
  return true;
}

export function submit() {
  waiting = !session.busy && !socket.connected && Boolean(area.value.trim());
  if (session.busy || waiting || !ask(area.value.trim())) return;
  area.value = "";
  grow();
  transcript.toEnd();
}

function grow() {
  area.style.blockSize = "auto";
  area.style.blockSize = `${Math.min(area.scrollHeight, 140)}px`;
  send.disabled = !area.value.trim();
}

async function startAnew() {
  leave();
  remember(keptOf(asker), null);
  source.close();
  await session.open(null);
  notice();
  area.focus();
}

// What a visitor asked is deleted when it is left; should the line be down, the server does it in time.
function leave() {
  if (asksAs !== "visitor" || !session.id) return;
  const body = JSON.stringify({ ticket, conversation: session.id });
  fetch("/widget/leave/", { method: "POST", keepalive: true, body, headers: { "Content-Type": "application/json", Accept: "application/json" } }).catch(() => {});
}

// Nothing of a chat stays to be seen, once nobody looks any more whether its asker is still there.
function conceal() {
  leave();
  asksAs = "";
  session.reset(null);
  paint();
  source.close();
  announce("");
}

// Before anything else is done with a new connection. To the same person their words are kept, sent or not.
function meet({ asker: who }) {
  if (asker && asker !== who) {
    conceal();
    session.waiting.clear();
    waiting = false;
    area.value = "";
    grow();
  }
  asker = who;
}

async function greeted({ asks_as: as }) {
  clearInterval(looks);
  byId("sign-in").hidden = true;
  form.hidden = false;
  notice();
  byId("small-print").hidden = as === "visitor";
  byId("visitor-print").hidden = as !== "visitor";
  asksAs = as;
  if (as === "person") await goOn(recall(keptOf(asker)));
  paint();
  if (waiting) submit();
}

// The page around may have been left for another one that shows the same widget.
async function goOn(id) {
  if (!id || session.id || session.busy) return;
  try {
    await session.open(id);
  } catch {
    if (session.id !== id) return; // signed out in the meantime
    remember(keptOf(asker), null);
    await session.open(null);
  }
}

function lost({ online, code, attempt }) {
  if (online) return;
  if (code === TOO_OLD) return location.reload(); // for a ticket of today
  if (FINAL.has(code)) conceal();
  const words = { [GONE]: gettext("This chat is not available any more."), [OF_ANOTHER]: gettext("Your account may read nothing that is searched here.") }[code];
  if (words) notice(words, true);
  else if (code === SIGNED_OUT) offerToSignIn();
  else if (attempt > 1) notice(gettext("No connection. Trying again…"));
  form.hidden = Boolean(words) || code === SIGNED_OUT;
  paint();
}

function offerToSignIn() {
  if (!byId("sign-in").hidden) return;
  byId("sign-in").hidden = false;
  if (document.hasFocus()) byId("sign-in").querySelector("a").focus(); // else it would take it from the page around
  announce(byId("sign-in").querySelector("p").textContent);
}

// A new session is seen when a socket is opened with it.
function look() {
  if (!socket.connected && !elsewhere) socket.connect();
}

// In another window of this browser. A visitor becomes somebody else, whose chat begins anew.
function signedIn() {
  if (asksAs !== "visitor" || !socket.connected) return look();
  leave();
  socket.socket.close(); // it connects again, with the session
}

function lookForASignIn() {
  let left = LOOKS;
  clearInterval(looks);
  looks = setInterval(() => (left-- > 0 ? look() : clearInterval(looks)), LOOK_EVERY);
}

function refused({ error, asked }) {
  const advice = said(error.advice ?? "");
  notice([said(error.message), /`|\b[A-Z]+_[A-Z_]+\b/.test(advice) ? "" : advice].filter(Boolean).join(" "), true);
  if (asked?.text && !area.value.trim()) {
    area.value = asked.text;
    grow();
  }
}

socket.addEventListener("hello", ({ detail }) => greeted(detail));
socket.addEventListener("state", ({ detail }) => lost(detail));
session.addEventListener("changed", paint);
session.addEventListener("grown", ({ detail }) => transcript.grown(detail));
session.addEventListener("finished", ({ detail }) => transcript.finished(detail));
session.addEventListener("opened", ({ detail }) => asksAs === "person" && remember(keptOf(asker), detail));
session.addEventListener("refused", ({ detail }) => refused(detail));
new BroadcastChannel("footnote-widget").addEventListener("message", signedIn);
byId("sign-in-link")?.addEventListener("click", lookForASignIn);
byId("anew").addEventListener("click", startAnew);
addEventListener("pagehide", leave);
area.addEventListener("input", grow);
stop.addEventListener("click", () => (session.stop(), area.focus()));
