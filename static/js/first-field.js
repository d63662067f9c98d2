// Small pages with one form begin in it, after an error in the field that it is about. One that begins with a button,
// such as that of an identity provider, is left as it is.

document.querySelector("main.card form")?.querySelector("[aria-invalid=true], input:not([type=hidden], [type=checkbox])")?.focus();
