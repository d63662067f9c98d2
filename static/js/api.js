// Talking to the HTTP doors. Every failure becomes an ApiError with a sentence and advice.

import { gettext, said } from "./language.js";

export class ApiError extends Error {
  constructor({ code = "failed", message = gettext("Something went wrong."), advice = gettext("Please try again."), retryable = true } = {}) {
    super(said(message));
    Object.assign(this, { code, advice: said(advice), retryable });
  }
}

const UNREACHABLE = {
  code: "offline",
  message: gettext("The server cannot be reached."),
  advice: gettext("Check your connection; then try again."),
};

// A module that is fetched where it is needed first: `fetched(import("./some.js"))`.
export async function fetched(loading) {
  try {
    return await loading;
  } catch {
    throw new ApiError(UNREACHABLE);
  }
}

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

export function errorFrom(status, body) {
  if (body?.error) return new ApiError(body.error);
  if (status === 413) {
    return new ApiError({ code: "too_large", message: gettext("This file is too large."), advice: gettext("Split it, then upload the parts."), retryable: false });
  }
  if (status === 403) {
    return new ApiError({ code: "forbidden", message: gettext("This page is out of date."), advice: gettext("Reload it and try again.") });
  }
  return new ApiError({ message: gettext("The server answered with an error (%(status)s).", { status }) });
}

export async function request(method, url, body, { timeout = 20000 } = {}) {
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: { Accept: "application/json", "X-CSRFToken": csrfToken(), ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(timeout),
    });
  } catch {
    throw new ApiError(UNREACHABLE);
  }
  if (response.status === 401) {
    location.assign(`/accounts/login/?next=${encodeURIComponent(location.pathname)}`);
  }
  if (response.status === 204) return null;
  const text = await response.text();
  let parsed = null;
  try {
    parsed = text ? JSON.parse(text) : null;
  } catch {
    parsed = null;
  }
  if (parsed?.error?.code === "sign_in_again") {
    location.assign(`/accounts/again/?next=${encodeURIComponent(location.pathname)}`);
  }
  if (!response.ok) throw errorFrom(response.status, parsed);
  return parsed;
}

// fetch tells nothing about the progress of an upload, so files go with XMLHttpRequest.
export function upload(url, file, path, onProgress, signal = null) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("file", file, file.name);
    if (path) form.append("path", path);
    const call = new XMLHttpRequest();
    call.open("POST", url);
    call.timeout = 15 * 60 * 1000;
    call.responseType = "json";
    call.setRequestHeader("X-CSRFToken", csrfToken());
    call.setRequestHeader("Accept", "application/json");
    call.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    call.onload = () => (call.status < 300 && call.response ? resolve(call.response) : reject(errorFrom(call.status, call.response)));
    call.onerror = call.ontimeout = () => reject(new ApiError({ ...UNREACHABLE, message: gettext("The upload broke off.") }));
    call.onabort = () => reject(new ApiError({ code: "called_off" }));
    signal?.addEventListener("abort", () => call.abort(), { once: true });
    call.send(form);
  });
}
