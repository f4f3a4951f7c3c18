import http, { type IncomingMessage } from "node:http";
import https from "node:https";

/** What Ollama's client and this adapter use of `fetch`. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

export interface FetchInit {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/**
 * A connection that rests so long is closed, in milliseconds: before the server does so, into which a request would be sent.
 * Node's servers wait 5 s, Ollama's for ever, proxies longer than both.
 */
const REST_MS = 4000;

/**
 * `fetch` over `node:http`, without limits of its own. The global one gives up when the headers, or the next bytes, take 300 s:
 * Ollama sends nothing while it loads a model and reads a picture, and the headers only with the first word. How long a call
 * may take is told by its signal.
 *
 * Redirects are not followed: a `POST` that is sent elsewhere arrives as a `GET`, so they come back as they are.
 */
export function httpFetch(): Fetch {
  const kept = { keepAlive: true, timeout: REST_MS };
  const agents = { http: new http.Agent(kept), https: new https.Agent(kept) };
  return (url, init) => exchange(url, init, agents);
}

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

function exchange(url: string, init: FetchInit, agents: Agents): Promise<Response> {
  const { method = "GET", headers = {}, body, signal } = init;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const [send, agent] = url.startsWith("https:") ? [https.request, agents.https] : [http.request, agents.http];
    const request = send(url, { method, headers: withLength(headers, body), agent });
    const abort = () => void request.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    request.once("close", () => signal.removeEventListener("abort", abort));
    request.on("error", (error) => {
      reject(signal.aborted ? signal.reason : error);
    });
    request.once("response", (message) => {
      // Read through its iterator, which tells of errors; nobody may be reading when it is aborted.
      message.on("error", () => {});
      resolve(responseOf(message));
    });
    request.end(body);
  });
}

/** Without the length it would be sent in chunks, which some proxies refuse. */
function withLength(headers: Record<string, string>, body: string | undefined): Record<string, string> {
  return body === undefined ? headers : Object.assign({}, headers, { "Content-Length": `${Buffer.byteLength(body)}` });
}

const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

function responseOf(message: IncomingMessage): Response {
  const { statusCode: status = 0, statusMessage: statusText = "" } = message;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct))
    for (const value of values) headers.append(name, value);
  // Whoever cancels the stream closes the connection.
  if (!WITHOUT_BODY.has(status)) return new Response(ReadableStream.from(message), { status, statusText, headers });
  message.resume();
  return new Response(null, { status, statusText, headers });
}
