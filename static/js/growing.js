// A block that only became longer: code gets its new words, a table its new rows, a list its new points. What stood
// there stays, with what is selected in it, and a long one costs no more than a short one.

// What is compared with the block as it grows; null for what is made anew each time.
export function shapeOf(token) {
  if (token.type === "code") return codeShape(token);
  if (token.type === "table") return { type: "table", rows: token.rows.length, settled: upToLastLine(token.raw) };
  if (token.type === "list") return { type: "list", kind: `${token.ordered} ${token.start} ${token.loose}`, items: token.items.map((item) => item.raw) };
  return null;
}

// What a fenced piece of code says, and in which language.
function codeShape(token) {
  if (token.codeBlockStyle === "indented" || /^math/.test(token.lang ?? "")) return null;
  return { type: "code", lang: token.lang ?? "", text: token.text.replace(/\n$/, "") };
}

function upToLastLine(raw) {
  const words = raw.trimEnd();
  return words.slice(0, words.lastIndexOf("\n") + 1);
}

const LONGER = { code: longerCode, table: longerTable, list: longerList };

// -> whether the block, {raw, node, shape}, shows the token now; `made(token)`: -> the elements of a part of it
export function grown(block, token, made) {
  const before = block.shape, now = shapeOf(token);
  if (!before || before.type !== now?.type || !LONGER[before.type](block.node, before, now, token, made)) return false;
  Object.assign(block, { raw: token.raw, shape: now });
  return true;
}

function longerCode(node, before, now) {
  if (before.lang !== now.lang || !now.text.startsWith(before.text)) return false;
  const words = node.querySelector("pre > code")?.firstChild;
  if (words?.nodeType !== Node.TEXT_NODE || !before.text || words.data !== `${before.text}\n`) return false;
  words.insertData(before.text.length, now.text.slice(before.text.length));
  return true;
}

// The last row may not have been whole, so it is made again; so may the last point of a list.
function longerTable(node, before, now, token, made) {
  const settled = before.rows - 1, body = node.querySelector("table > tbody");
  if (settled < 1 || now.rows < before.rows || !token.raw.startsWith(before.settled) || body?.children.length !== before.rows) return false;
  replaceFrom(body, settled, made({ ...token, rows: token.rows.slice(settled) }).querySelector("tbody"));
  return true;
}

function longerList(node, before, now, token, made) {
  const settled = before.items.length - 1, list = node.querySelector(":scope > :is(ul, ol)");
  if (settled < 1 || before.kind !== now.kind || list?.children.length !== before.items.length) return false;
  if (now.items.length < before.items.length || before.items.slice(0, settled).some((raw, place) => raw !== now.items[place])) return false;
  replaceFrom(list, settled, made({ ...token, items: token.items.slice(settled) }).querySelector("ul, ol"));
  return true;
}

function replaceFrom(whole, settled, part) {
  for (let node = whole.children[settled], next; node; node = next) {
    next = node.nextSibling;
    node.remove();
  }
  whole.append(...[...part.childNodes].slice([...part.childNodes].indexOf(part.firstElementChild)));
}
