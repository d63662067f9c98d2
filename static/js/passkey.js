// One button of the page talks with the browser about a passkey; what is asked stands in the page, or at the form's
// address. The conversation itself is allauth's (vendor/allauth).

import { gettext } from "./language.js";

const PROBLEMS = {
  NotAllowedError: gettext("That was broken off, took too long, or this device has no such passkey."),
  InvalidStateError: gettext("This device keeps a passkey of yours already."),
  SecurityError: gettext("Passkeys work only under the name that this service is reached by, over https (or on localhost)."),
  NotSupportedError: gettext("This device has no way to keep such a passkey."),
};

function tell(error) {
  const place = document.getElementById("passkey-problem");
  place.textContent = PROBLEMS[error?.name] ?? gettext("The passkey could not be used. Try again.");
  place.hidden = false;
}

function prepare(button) {
  const { credential, passwordless } = button.form.elements;
  const ids = { credential: credential.id, data: "passkey-data" };
  const { addForm, authenticateForm, loginForm } = window.allauth.webauthn.forms;
  button.id = "passkey-button";
  if (button.dataset.passkey === "add") addForm({ ids: { ...ids, add: button.id, passwordless: passwordless?.id } });
  if (button.dataset.passkey === "show") authenticateForm({ ids: { ...ids, authenticate: button.id } });
  if (button.dataset.passkey === "sign-in") loginForm({ ids: { credential: ids.credential, login: button.id } });
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault(); // it is told on the page
  tell(event.detail.exception);
});
for (const button of document.querySelectorAll("[data-passkey]")) {
  if (window.PublicKeyCredential) {
    prepare(button);
  } else {
    button.disabled = true;
    tell({ name: "SecurityError" });
  }
}
