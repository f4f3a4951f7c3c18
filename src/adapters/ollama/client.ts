import { UploadError } from "../../errors.js";
import { packageLoader } from "../../load-package.js";
import { checkedFetch } from "./checked-fetch.js";
import { type Asked, otherFailure } from "./failures.js";
import type { Settings } from "./options.js";

type Package = Pick<typeof import("ollama"), "Ollama">;
export type Client = InstanceType<Package["Ollama"]>;

/** Who does not use this adapter need not have it. */
const loadOllama = packageLoader<Package>({
  name: "ollama",
  load: () => import("ollama"),
  advice: "Run `npm install ollama`",
});

/**
 * A call of the official client. Every call has a client of its own, because it knows no signal per request, and keeps each
 * stream that fails for ever. What is still open when the call ends is closed.
 *
 * @throws UploadError classified; the signal's reason once that is aborted
 */
export async function callOllama<T>(
  { host, headers, fetch }: Settings,
  asked: Asked,
  signal: AbortSignal | undefined,
  use: (client: Client) => Promise<T>,
  isStream = false,
): Promise<T> {
  const { Ollama } = await loadOllama();
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const own = checkedFetch(fetch, asked, controller.signal, isStream);
    return await use(new Ollama({ host, headers: Object.assign({}, headers), fetch: own as typeof globalThis.fetch }));
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw UploadError.isInstance(error) ? error : otherFailure(asked, error);
  } finally {
    signal?.removeEventListener("abort", abort);
    controller.abort(new Error("The call is over"));
  }
}
