// The menu of those who could write an answer instead of who did: only who is in the line of questions and answers now.

import { request } from "./api.js";
import { engineName, explainModels } from "./engines.js";
import { gettext } from "./language.js";
import { openMenu } from "./menu.js";

// `choose` gets the name of the engine that was picked.
export async function offerOthers(button, message, choose) {
  button.setAttribute("aria-busy", "true");
  const others = await known(message);
  button.removeAttribute("aria-busy");
  if (!button.isConnected) return;
  const entries = others?.map(({ name }) => ({ name: engineName(name), run: () => choose(name) })) ?? [];
  const why = { name: others ? gettext("No other model answers now: see who can") : gettext("See who can answer"), run: explainModels };
  openMenu(button, entries.length ? entries : [why], gettext("Answer again with"));
}

async function known(message) {
  try {
    const { engines } = await request("GET", "/api/engines/");
    return engines.filter((one) => !one.elsewhere && !one.problem && one.name !== message.engine);
  } catch {
    return null; // the dialog tries again, and says what is wrong
  }
}
