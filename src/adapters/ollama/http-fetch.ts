import http, { type IncomingMessage } from "node:http";
import https from "node:https";

/** What this adapter uses of `fetch`. */
export type Fetch = (url: string, init: FetchInit) => Promise<Answer>;

/** What it reads of a `Response`, which itself has no status outside of 200 to 599: broken proxies do. */
export type Answer = Pick<Response, "ok" | "status" | "statusText" | "headers" | "body" | "text">;

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

async function exchange(url: string, init: FetchInit, agents: Agents): Promise<Answer> {
  const { method = "GET", headers = {}, body, signal } = init;
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const [send, agent] = url.startsWith("https:") ? [https.request, agents.https] : [http.request, agents.http];
    const request = send(url, { method, headers: withLength(headers, body), agent });
    // Without the reason: a connection that is being put back has nobody to hear of an error.
    const abort = () => void request.destroy();
    signal.addEventListener("abort", abort, { once: true });
    request.once("close", () => {
      signal.removeEventListener("abort", abort);
      // After an upgrade that nobody asked for there is neither an answer nor an error.
      reject(new Error("the connection was closed without an answer"));
    });
    request.on("error", (error) => {
      reject(signal.aborted ? signal.reason : error);
    });
    request.once("response", (response) => {
      // Read through its iterator, which tells of errors; nobody may be reading when it is aborted.
      response.on("error", () => {});
      resolve(response);
    });
    request.end(body);
  });
  // Outside of the listener: what is thrown there ends the process.
  return answerOf(message);
}

/** Without the length it would be sent in chunks, which some proxies refuse. */
function withLength(headers: Record<string, string>, body: string | undefined): Record<string, string> {
  return body === undefined ? headers : Object.assign({}, headers, { "Content-Length": `${Buffer.byteLength(body)}` });
}

function answerOf(message: IncomingMessage): Answer {
  const { statusCode: status = 0, statusMessage: statusText = "" } = message;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct))
    for (const value of values) headers.append(name, value);
  // Whoever cancels the stream closes the connection.
  const content = new Response(ReadableStream.from(message));
  const ok = status >= 200 && status < 300;
  return { ok, status, statusText, headers, body: content.body, text: () => content.text() };
}
