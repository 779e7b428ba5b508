// Talks to the server that this page came from, by the session's cookie.
import { T } from "./texts.js";

const BASE = new URL("../", import.meta.url);
export const url = (path) => new URL(path, BASE).href;

class Refusal extends Error {
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
  const answer = await reached(path, { ...options, headers });
  if (answer.ok) return answer;
  const error = (await answer.json().catch(() => ({}))).error ?? {};
  const wait = answer.headers.get("Retry-After");
  const message = error.message ?? `${answer.status} ${answer.statusText}`;
  if (answer.status === 401 && path !== "session") onNoKey();
  throw new Refusal(wait ? T.tryAgain(message, wait) : message, answer.status, error.field);
}

// Browsers say no more than "Failed to fetch" of a server that cannot be reached.
async function reached(path, options) {
  try {
    return await fetch(url(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(T.offline, 0);
  }
}

export const get = async (path, options) => (await call(path, options)).json();

export const post = async (path, options) => (await call(path, { method: "POST", ...options })).json();

export const voicePath = (name, what = "") => `voices/${encodeURIComponent(name)}${what}`;

// Yields the data of a stream's events, with their ids; one that breaks off makes this throw.
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const parts = (held + next.value).split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)));
      if (fields.data) yield { id: fields.id, ...JSON.parse(fields.data) };
    }
  }
}
