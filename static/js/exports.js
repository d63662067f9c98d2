// The ways out of a conversation, as entries of its menu.

import { gettext } from "./language.js";

// `last`: the message at the end of the branch that is shown; null: the newest branch
export function exportsOf(item, last) {
  const branch = last ? `&message=${encodeURIComponent(last)}` : "";
  const file = (form) => `/api/conversations/${item.id}/export/?form=${form}${branch}`;
  return [
    { name: gettext("Export as Markdown"), href: file("markdown"), download: true },
    { name: gettext("Export as JSON"), href: file("json"), download: true },
    { name: gettext("Print or save as PDF"), href: `/c/${item.id}/print/?${branch.slice(1)}` },
  ];
}
