// What depends on who looks at the page. The server decides what anybody may do; this is about words alone.

import { gettext, said } from "./language.js";

export const isAdministrator = () => "administrator" in document.body.dataset;

// Commands and settings help whoever runs the server; nobody else can do anything with them.
export function adviceFor(advice) {
  if (isAdministrator() || !/`|\b[A-Z]+_[A-Z_]+\b/.test(advice ?? "")) return said(advice ?? "");
  return gettext("Tell your administrator.");
}
