// The server's HTTP API, one function for each call, and one kind of failure.

const PATIENCE_MS = 15_000;

/** A call that failed: `detail` is the server's own sentence, empty when no server answered. */
export class Problem extends Error {
  constructor({ title = "", detail = "", status = 0 }) {
    super(detail || title || "unreachable");
    Object.assign(this, { title, detail, status });
  }

  /** Asking again may help: nothing answered, or the server was busy or broken. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

async function call(path, { signal, body } = {}) {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const request = {
    headers: { accept: "application/json" },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  };
  if (body) {
    Object.assign(request, { method: "POST", body: JSON.stringify(body) });
    request.headers["content-type"] = "application/json";
  }
  let response;
  let answer;
  try {
    response = await fetch(path, request);
    answer = await response.json().catch(() => null);
  } catch (cause) {
    if (signal?.aborted) throw cause; // superseded by a newer question: nobody waits for it
    // app.js hears this and asks until the server is back.
    document.dispatchEvent(new Event("unreachable"));
    throw new Problem({});
  }
  if (signal?.aborted) throw signal.reason;
  if (!response.ok || answer === null) {
    throw new Problem({ title: answer?.title ?? response.statusText, detail: answer?.detail, status: response.status });
  }
  return answer;
}

function withQuery(path, values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== "" && value != null) query.set(name, value);
  return `${path}?${query}`;
}

const user = (id) => `/v1/users/${encodeURIComponent(id)}`;

/** Whether the server answers at all. */
export const answers = () => fetch("/healthz", { signal: AbortSignal.timeout(PATIENCE_MS) }).then((answer) => answer.ok, () => false);

export const genres = () => call("/v1/genres").then((answer) => answer.genres);

export const movies = ({ query, genre, k, offset }, signal) =>
  call(withQuery("/v1/movies", { query, genres: genre, k, offset }), { signal });

export const similar = (movieId, signal) => call(withQuery(`/v1/movies/${movieId}/similar`, { k: 10 }), { signal });

export const history = (userId) => call(historyPath(userId)).then((answer) => answer.items);

export const recommendations = (userId, { genres: wanted, years }, signal) =>
  call(withQuery(`${user(userId)}/recommendations`, {
    k: 10, genres: wanted.join(","), years, exclude_seen: true, explain: true,
  }), { signal });

export const rows = (userId, signal) => call(`${user(userId)}/rows`, { signal });

export const historyPath = (userId) => `${user(userId)}/history`;

const ofList = (recommendationId, what) => `/v1/recommendations/${encodeURIComponent(recommendationId)}/${what}`;

export const passportPath = (recommendationId) => ofList(recommendationId, "passport");

export const passport = (recommendationId, signal) => call(passportPath(recommendationId), { signal });

export const why = (recommendationId) => call(ofList(recommendationId, "why"));

export const picturePath = (recommendationId) => ofList(recommendationId, "lineage.svg");

export const answered = (userId, at) => call(withQuery(`${user(userId)}/answered`, { at }));

export const sendEvent = (event) => call("/v1/events", { body: event });

/** Several events, recorded all or none. */
export const sendEvents = (events) => call("/v1/events", { body: { events } });
