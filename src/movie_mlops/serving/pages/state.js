// Who the visitor is, what they said about films, and what the server has not heard yet.
// The server's history is the truth; this browser keeps the visitor's id, the exact stars, and unsent events.

import * as api from "./api.js";

const memory = new Map(); // stands in where the browser refuses storage (private windows)

export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(`movie-mlops.${name}`));
  } catch {
    return memory.get(name) ?? null;
  }
}

export function keep(name, value) {
  memory.set(name, value);
  try {
    localStorage.setItem(`movie-mlops.${name}`, JSON.stringify(value));
  } catch {
    // The visit still works; it is only forgotten with the tab.
  }
}

/** A random UUID; `crypto.randomUUID` exists only on https and localhost, and a laptop in a classroom is neither. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A UUID of version 7 (RFC 9562): ids of events are in the order of time, which spares the server's index. */
function eventId() {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${uuid().slice(15)}`;
}

const MOST_EVENTS = 1000; // in one batch
const LIKED_FROM = 4; // stars; only for what is shown until the server's history says it
let visitor = recall("visitor");
let stars = recall("stars") ?? {};
let outbox = recall("outbox") ?? [];
let sending = null;

/** Whether the last try to reach the server failed. */
export let troubled = false;
export const setTroubled = (now) => { troubled = now; };

/** movie_id → { film, kind, value, liked }, oldest word first. */
export const opinions = new Map();

export function visitorId() {
  if (!visitor) keep("visitor", (visitor = `visitor-${uuid()}`));
  return visitor;
}

/** Take back every word that the server knows of this visitor, and be a new one; all of it, or nothing changes here. */
export async function forget() {
  await flush().catch((problem) => { if (problem.passing) throw problem; });
  const items = await api.history(visitorId());
  const taken = items.map((film) => ({
    event_id: eventId(), user_id: visitorId(), movie_id: film.movie_id, kind: "withdraw",
  }));
  for (let from = 0; from < taken.length; from += MOST_EVENTS) await api.sendEvents(taken.slice(from, from + MOST_EVENTS));
  newVisitor();
}

export function newVisitor() {
  visitor = null;
  stars = {};
  keep("stars", stars);
  opinions.clear();
  return visitorId();
}

/** What the server knows of this visitor, with the stars that only this browser remembers. */
export async function loadHistory() {
  const items = await api.history(visitorId());
  opinions.clear();
  for (const film of items.reverse()) {
    const value = stars[film.movie_id];
    const rated = value !== undefined && value >= LIKED_FROM === film.liked;
    opinions.set(film.movie_id, {
      film, liked: film.liked, kind: rated ? "rating" : film.liked ? "like" : "dislike", value: rated ? value : undefined,
    });
  }
}

export const liked = () => [...opinions.values()].filter((opinion) => opinion.liked);
export const unsent = () => outbox.length;

/** Take the visitor's word at once and tell the server; resolves when the server has heard everything. */
export function say(film, kind, value) {
  opinions.delete(film.movie_id); // the latest word is the newest entry
  if (kind !== "withdraw") {
    const liked = kind === "like" || (kind === "rating" && value >= LIKED_FROM);
    opinions.set(film.movie_id, { film, kind, value, liked });
  }
  if (kind === "rating") stars[film.movie_id] = value;
  else delete stars[film.movie_id];
  keep("stars", stars);
  const event = { event_id: eventId(), user_id: visitorId(), movie_id: film.movie_id, kind };
  if (value !== undefined) event.value = value;
  keep("outbox", (outbox = [...outbox, event]));
  return flush();
}

/** Send what is waiting, in order. The same event_id goes again after a failure, so nothing counts twice. */
export function flush() {
  sending ??= sendAll().finally(() => { sending = null; });
  return sending;
}

async function sendAll() {
  let refusal;
  while (outbox.length) {
    const [event] = outbox;
    try {
      await api.sendEvent(event);
    } catch (problem) {
      if (problem.passing) throw problem; // stays in the outbox
      opinions.delete(event.movie_id); // the server refused it: it must not look as if it counted
      refusal = problem;
    }
    drop(event);
  }
  if (refusal) throw refusal;
}

function drop(event) {
  keep("outbox", (outbox = outbox.filter((other) => other.event_id !== event.event_id)));
}
