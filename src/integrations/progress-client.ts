/** How a batch, or one upload, stands. */
export interface Snapshot {
  /** Of the batch, or of the upload. */
  readonly status: string;
  /** How many uploads there are: 1 for one upload. */
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  /** Of a batch the share of what is settled, of an upload how far it is: 0 to 100, with one decimal. */
  readonly percentage: number;
  /** Time left in milliseconds, by how fast it went lately; `null` when it cannot be told. */
  readonly etaMs: number | null;
  /** Of an upload: why it has failed. */
  readonly error?: { readonly code: string; readonly message: string } | null;
}

/** What happens to an upload or a batch: the type is that of the event in the worker, and so are the fields. */
export interface WatchedEvent {
  readonly type: string;
  readonly uploadId?: string;
  readonly batchId?: string | null;
  /** In milliseconds since the epoch. */
  readonly at?: number;
  /** 0 to 100. */
  readonly progress?: number;
  readonly stage?: string;
  readonly status?: string;
  /** Of `upload:progress`, where the workers publish it: it is among the `fields` of `publishTo`. */
  readonly fileName?: string | null;
  readonly message?: string;
  readonly error?: { readonly code: string; readonly message: string };
  /** Of the record what the workers publish: its id, and the `fields` of `publishTo`. */
  readonly upload?: { readonly id: string; readonly [field: string]: unknown };
}

export interface WatchOptions {
  /** How it stands: at the beginning, whenever the counts have changed, and after each interruption. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
  /** What happens in between. Some may be missed: what has to be right goes by snapshots. */
  readonly onEvent?: (event: WatchedEvent) => void;
  /**
   * The connection was lost, or could not be made: told of each try that fails, with the milliseconds until the next one. What is
   * shown may be out of date until the next snapshot.
   */
  readonly onInterrupted?: (retryInMs: number) => void;
  /** It is over for good: stopped by the answer of the server (204, 403, 404 and the like). */
  readonly onEnd?: (status: number) => void;
  /** Stops it, like the function that is returned. */
  readonly signal?: AbortSignal;
  /** Sent with each request. */
  readonly headers?: Record<string, string>;
  /** Whether cookies are sent: `"include"` also to another origin. @default "same-origin" */
  readonly credentials?: "omit" | "same-origin" | "include";
}

/** A stream that has said nothing by then is held back by a proxy. */
const SILENT_AT_FIRST_MS = 5000;
/** A server shows every 15 s, or 30 at most, that it is there. */
const SILENT_MS = 45_000;
/** A stream that is cut earlier was no success: a proxy may cut each one behind its first bytes. */
const LIVED_MS = 5000;
const POLL_MS = 2000;
/** After so many polls streaming is tried again. */
const POLLS = 15;
const SHORTEST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/**
 * Watches a batch or an upload at a `progressHandler`, in browsers and in Node. It comes back by itself when the stream is cut, with a
 * backoff from half a second to 30, goes on behind the last event that it has seen, and polls where a proxy holds streams back.
 *
 * @returns what stops it: nothing is called afterwards, and no timer is left
 * @example
 * const stop = watchProgress(`/progress?batch=${id}`, { onSnapshot: ({ percentage }) => (bar.value = percentage) });
 */
export function watchProgress(url: string, options: WatchOptions): () => void {
  const { onSnapshot, onEvent, onInterrupted, onEnd, signal, headers, credentials = "same-origin" } = options;
  let isStopped = false;
  /** Of the request that is under way. */
  let controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wake = () => {};
  let lastId = "";
  let failures = 0;
  /** The server asks for so many milliseconds. */
  let retryAfterMs = 0;
  /** How often it is polled before a stream is tried again. */
  let polls = 0;

  const stop = () => {
    isStopped = true;
    clearTimeout(timer);
    controller.abort();
    wake();
    signal?.removeEventListener("abort", stop);
  };

  /** What a callback throws is reported as that of any listener: it ends nothing here. */
  const call = <T>(callback: ((told: T) => void) | undefined, told: T) => {
    if (isStopped) return;
    try {
      callback?.(told);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };

  /** Gives up the request when it is silent for so long. */
  const expectWithin = (ms: number, onSilence?: () => void) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      onSilence?.();
      controller.abort();
    }, ms);
  };

  const hear = (block: string) => {
    let type = "message";
    let data = "";
    let id = "";
    for (const line of block.split("\n")) {
      const [, name, value = ""] = /^(\w+): ?(.*)/.exec(line) ?? [];
      if (name === "event") type = value;
      if (name === "data") data += value;
      if (name === "id") id = value;
    }
    if (data === "") return; // a heartbeat
    const told = JSON.parse(data);
    if (type === "snapshot") call(onSnapshot, told as Snapshot);
    else call(onEvent, told as WatchedEvent);
    if (id !== "") lastId = id;
  };

  const readStream = async (body: ReadableStream<Uint8Array>) => {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const begunAt = Date.now();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (Date.now() - begunAt >= LIVED_MS) failures = 0;
      expectWithin(SILENT_MS);
      const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = blocks.pop() ?? "";
      blocks.forEach(hear);
    }
  };

  /** One stream, or one poll. */
  const request = async () => {
    const isPolling = polls > 0;
    if (isPolling) polls--;
    const sent: Record<string, string> = { ...headers, accept: isPolling ? "application/json" : "text/event-stream" };
    if (lastId !== "" && !isPolling) sent["last-event-id"] = lastId;
    const response = await fetch(url, { headers: sent, credentials, signal: controller.signal });
    const { status, ok, body } = response;
    retryAfterMs = Number(response.headers.get("retry-after")) * 1000 || 0;
    // It will not be told anything else by asking again.
    if (status === 204 || (status >= 400 && status < 500 && ![408, 425, 429].includes(status))) {
      call(onEnd, status);
      stop();
    }
    if (!ok || body === null) throw new Error(String(status));
    if (!isPolling) return readStream(body);
    const snapshot = (await response.json()) as Snapshot;
    failures = 0;
    lastId = ""; // the events up to here are in it
    call(onSnapshot, snapshot);
  };

  const run = async () => {
    while (!isStopped) {
      const isPolling = polls > 0;
      controller = new AbortController();
      failures++;
      // To count a large batch takes a while; a stream shows before that is done that it is there.
      if (isPolling) expectWithin(SILENT_MS);
      else
        expectWithin(SILENT_AT_FIRST_MS, () => {
          polls = POLLS;
        });
      await request().catch(() => {}); // whatever it was, it is tried again
      const isAnswered = isPolling && failures === 0;
      clearTimeout(timer);
      controller.abort(); // what is left of the answer is not read
      if (isStopped) return;
      const shortest = polls > 0 ? POLL_MS : SHORTEST_WAIT_MS;
      // Spread, so that not everybody comes at once when a server is back.
      const backoffMs = Math.min(LONGEST_WAIT_MS, shortest * 2 ** failures) * (0.5 + Math.random() / 2);
      const waitMs = Math.max(backoffMs, Math.min(LONGEST_WAIT_MS, retryAfterMs));
      retryAfterMs = 0;
      // A stream that a proxy holds back is no interruption: it is polled from now on.
      const isHeldBack = !isPolling && polls > 0;
      if (!isAnswered && !isHeldBack) call(onInterrupted, waitMs);
      if (isStopped) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, waitMs);
      });
    }
  };

  if (signal?.aborted) return stop;
  signal?.addEventListener("abort", stop);
  void run();
  return stop;
}
