// Talks to the server that this page came from, by the session's cookie.
export const BASE = new URL("../", import.meta.url);
export const url = (path) => new URL(path, BASE).href;

export class Refusal extends Error {
  constructor(message, status, field) {
    super(message);
    Object.assign(this, { status, field });
  }
}

let onNoKey = () => {};
export const whenKeyIsMissing = (call) => { onNoKey = call; };

export async function call(path, { json, ...options } = {}) {
  const headers = { "X-Studio": "1", ...options.headers };
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    options = { method: "POST", ...options, body: JSON.stringify(json) };
  }
  const answer = await fetch(url(path), { ...options, headers });
  if (answer.ok) return answer;
  const error = (await answer.json().catch(() => ({}))).error ?? {};
  const wait = answer.headers.get("Retry-After");
  const message = error.message ?? `${answer.status} ${answer.statusText}`;
  if (answer.status === 401 && path !== "session") onNoKey();
  throw new Refusal(wait ? `${message} (try again in ${wait} s)` : message, answer.status, error.field);
}

export const get = async (path, options) => (await call(path, options)).json();

// Yields the events of a stream; one that breaks off makes this throw.
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const parts = (held + next.value).split("\n\n");
    held = parts.pop();
    for (const part of parts) yield JSON.parse(part.slice(part.indexOf("data: ") + 6));
  }
}
