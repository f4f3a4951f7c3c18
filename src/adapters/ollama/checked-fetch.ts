import { messageOf } from "../../errors.js";
import { type Asked, refusalOf, unreachable, unusable } from "./failures.js";
import type { Answer, Fetch } from "./http-fetch.js";
import { errorIn, requireJson } from "./json.js";
import { checkedLines } from "./lines.js";

type ClientFetch = (...request: Parameters<Fetch>) => Promise<Response>;

/**
 * The `fetch` that the client gets for one call.
 *
 * - The signal is the call's own, so that an abort works before the headers have come, and for requests that are not streamed.
 * - Refusals are thrown here, where status and headers are still known: the client keeps only the status, and prints to the
 *   console.
 * - What is not JSON never reaches the client, which prints that as well: a proxy's page, or half a line.
 */
export function checkedFetch(fetch: Fetch, asked: Asked, signal: AbortSignal, isStream: boolean): ClientFetch {
  return async (url, init) => {
    let response: Answer;
    try {
      response = await fetch(url, Object.assign({}, init, { signal }));
    } catch (error) {
      throw signal.aborted ? error : unreachable(asked, error);
    }
    const { status, statusText, headers } = response;
    if (!response.ok) {
      const body = await textOf(response);
      throw refusalOf(asked, { status, headers, text: reasonIn(body, statusText), body });
    }
    if (isStream && response.body !== null)
      return new Response(ReadableStream.from(checkedLines(response.body, asked, signal)));
    const text = await read(response, asked, signal);
    requireJson(text, asked);
    return new Response(text);
  };
}

/** What is said with a status is worth having, and no reason to fail otherwise. */
async function textOf(response: Answer): Promise<string> {
  return response.text().catch(() => "");
}

async function read(response: Answer, asked: Asked, signal: AbortSignal): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw signal.aborted ? error : unusable(asked, `broke off its answer: ${messageOf(error)}`, error);
  }
}

/** More of an answer is not shown. */
const LONGEST_REASON = 300;

/** `{ "error": "…" }`, or whatever a proxy says: of a page its title. */
function reasonIn(text: string, statusText: string): string {
  const [, title] = /<title[^>]*>([^<]*)</i.exec(text) ?? [];
  const isPage = /^\s*(?:<|$)/.test(text);
  const said = toldIn(text) ?? title ?? (isPage ? statusText : text);
  return said.trim().slice(0, LONGEST_REASON);
}

function toldIn(text: string): string | undefined {
  try {
    return errorIn(Object(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
