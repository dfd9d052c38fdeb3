// The API of movie-mlops, typed by its own description: paths, parameters and answers are those of schema.d.ts.
import createFetchClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths };
export type Recommendations = components["schemas"]["RecommendationOut"];
export type Item = components["schemas"]["ItemOut"];
export type Film = components["schemas"]["FilmOut"];

/** What the server says is wrong (RFC 9457). */
export type ProblemDocument = components["schemas"]["ProblemOut"];

/** A request that the server refused, with its problem document. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<ProblemDocument>,
    readonly retryAfterSeconds: number | null,
  ) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.name = "ApiError";
  }
}

/** How a client asks. */
export interface Options {
  /** The address of the API, such as http://127.0.0.1:8000. */
  url: string;
  /** What shows who asks: an API key, or a token of the identity provider. */
  key?: string;
  /** How often a request is sent at most. */
  tries?: number;
  /** How long the first repetition waits where the server does not say; each further one twice as long. */
  firstWaitMs?: number;
  /** A server that wants a longer wait is not asked again. */
  longestWaitMs?: number;
  /** What sends requests. */
  fetch?: (request: Request) => Promise<Response>;
}

const AGAIN = new Set([429, 502, 503, 504]);

/** Return the seconds that a server wants to be left alone: a number, or until a date. */
export function retryAfter(headers: Headers): number | null {
  const said = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(said)) return Number(said);
  const moment = Date.parse(said);
  return Number.isNaN(moment) ? null : Math.max(0, (moment - Date.now()) / 1000);
}

/** Send a request until it is answered, refused or given up. Reading changes nothing and events have ids. */
async function sendAgain(request: Request, options: Required<Omit<Options, "key">>): Promise<Response> {
  for (let tried = 1; ; tried += 1) {
    let response: Response | null = null;
    try {
      response = await options.fetch(request.clone());
    } catch (error) {
      if (tried >= options.tries || request.signal.aborted) throw error;
    }
    if (response !== null && (!AGAIN.has(response.status) || tried >= options.tries)) return response;
    const said = response === null ? null : retryAfter(response.headers);
    const wait = said === null ? options.firstWaitMs * 2 ** (tried - 1) * (0.5 + Math.random() / 2) : said * 1000;
    if (response !== null && said !== null && wait > options.longestWaitMs) return response;
    await new Promise((resume) => setTimeout(resume, Math.min(wait, options.longestWaitMs)));
  }
}

/** What turns a refusal into an error. */
const refusals: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return undefined;
    const problem = await response.clone().json().catch(() => ({ title: response.statusText }));
    throw new ApiError(response.status, problem, retryAfter(response.headers));
  },
};

/** Return a client: GET and POST take the paths of the API, and `data` is what the API answers. */
export function createClient(given: Options): Client<paths> {
  const options: Options & Required<Omit<Options, "key">> = {
    tries: 4, firstWaitMs: 200, longestWaitMs: 30_000, fetch: (request) => fetch(request), ...given,
  };
  const client = createFetchClient<paths>({
    baseUrl: options.url,
    headers: options.key === undefined ? {} : { authorization: `Bearer ${options.key}` },
    fetch: (request) => sendAgain(request, options),
  });
  client.use(refusals);
  return client;
}

type ListQuery = NonNullable<paths["/v1/users/{user_id}/recommendations"]["get"]["parameters"]["query"]>;

/** Yield one page after the other of films for a user; no film comes twice. */
export async function* pages(client: Client<paths>, userId: string, query: ListQuery = {}): AsyncGenerator<Recommendations> {
  let cursor: string | null | undefined = query.cursor ?? "start";
  while (cursor != null) {
    const answer: { data?: Recommendations } = await client.GET("/v1/users/{user_id}/recommendations", {
      params: { path: { user_id: userId }, query: { ...query, cursor } },
    });
    if (answer.data === undefined) return;
    yield answer.data;
    cursor = answer.data.next;
  }
}
