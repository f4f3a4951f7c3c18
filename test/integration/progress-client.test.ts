import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type MemoryRepository, memoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, type UploadRecord } from "../../src/index.js";
import { localChannel, type ProgressHandler, progressHandler, publishTo } from "../../src/integrations/progress.js";
import {
  type Snapshot,
  type WatchedEvent,
  type WatchOptions,
  watchProgress,
} from "../../src/integrations/progress-client.js";
import { deferred, ids, until, worldOf } from "../support/fakes.js";
import { progressOf, settledOf } from "../support/progress-streams.js";

const uploads = ids(4);
let repository: MemoryRepository<UploadRecord>;
let channel: ReturnType<typeof localChannel>;
let handler: ProgressHandler;
let server: Server;
let url: string;
/** What the server was asked, by what was to be answered, and from where on. */
let asked: { accept: string | undefined; lastId: string | undefined; authorization: string | undefined }[];
/** What stands between the server and its clients: it may keep a response back, or cut it behind its first bytes. */
let proxy: (accept: string | undefined) => "pass" | "hold" | "cut" | number;
let retryAfter: string | undefined;
/** Of the streams that the server has. */
let responses: Set<ServerResponse>;
const stops: (() => void)[] = [];

async function listen(port = 0): Promise<void> {
  handler = progressHandler({
    channel,
    repository,
    subject: ({ headers }) =>
      headers.get("authorization") === "wrong" ? new Response(null, { status: 403 }) : { batchId: "batch" },
  });
  server = createServer((incoming, outgoing) => {
    const { accept, authorization, "last-event-id": lastId } = incoming.headers;
    asked.push({ accept, authorization, lastId: lastId?.toString() });
    const verdict = proxy(accept);
    responses.add(outgoing);
    if (verdict === "pass") handler.node(incoming, outgoing);
    else if (verdict === "cut") outgoing.end('event: snapshot\ndata: {"status":"processing"}\n\n');
    else if (verdict !== "hold") outgoing.writeHead(verdict, retryAfter ? { "retry-after": retryAfter } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/progress`;
}

async function shut(): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  await handler.close();
  server.closeAllConnections();
  await closed;
}

beforeEach(async () => {
  asked = [];
  responses = new Set();
  proxy = () => "pass";
  retryAfter = undefined;
  repository = memoryRepository({ uploads, batches: [{ id: "batch", status: "processing" }] });
  channel = localChannel();
  await listen();
});

afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
  await shut();
});

/** A client that has asked for a stream, and reads nothing but its beginning. */
async function stalled(): Promise<Socket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise<void>((resolve) => {
    socket.on("data", function begun(bytes) {
      if (!bytes.includes("event: snapshot")) return;
      socket.off("data", begun);
      socket.pause();
      resolve();
    });
  });
  return socket;
}

/** Watches, and keeps what is told. */
function watch(options: Partial<WatchOptions> = {}) {
  const snapshots: Snapshot[] = [];
  const events: WatchedEvent[] = [];
  const stop = watchProgress(url, {
    onSnapshot: (snapshot) => snapshots.push(snapshot),
    onEvent: (event) => events.push(event),
    ...options,
  });
  stops.push(stop);
  return { snapshots, events, stop };
}

/** Counts the timers of clients that are set, of any time or of one: fetch has some of its own. */
function timersOfClients(): (ms?: number) => number {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  const setting = vi.spyOn(globalThis, "setTimeout");
  const clearing = vi.spyOn(globalThis, "clearTimeout");
  return (ms) => {
    const cleared = new Set(clearing.mock.calls.map(([timer]) => timer));
    const ours = setting.mock.calls.map(([, after = 0]) =>
      (ms === undefined ? [375, 750, 5000, 45_000] : [ms]).includes(after),
    );
    return setting.mock.results.filter(({ value }, n) => ours[n] && !cleared.has(value)).length;
  };
}

/** Waits without a timer, for tests whose timers are fake. */
async function turns(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

/** Lets time pass until the condition holds, slowly enough for what goes over the network meanwhile. */
async function passing(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await vi.advanceTimersByTimeAsync(40);
    const until = performance.now() + 2;
    await turns(() => performance.now() > until);
  }
}

describe("a client", () => {
  it("is told how a batch goes, from the first snapshot to the end", async () => {
    const describing = deferred();
    const world = worldOf(uploads);
    world.ai.describe.mockImplementation(async () => {
      await describing.promise;
      return "text";
    });
    const { snapshots, events } = watch();
    await until(() => snapshots.length === 1);
    const processor = new BatchProcessor({
      ...world,
      repository,
      plugins: [publishTo(channel, { fields: ["description"] })],
    });
    const processed = processor.process("batch");
    await until(() => events.some(({ type, stage }) => type === "upload:progress" && stage === "describe"));
    describing.resolve();
    await processed;
    await processor.close();
    await until(() => snapshots.at(-1)?.status === "completed");
    expect(snapshots[0]).toMatchObject({ total: 4, completed: 0, percentage: 0 });
    expect(snapshots.at(-1)).toMatchObject({ completed: 4, percentage: 100, etaMs: 0 });
    const settled = events.filter(({ type }) => type === "upload:settled");
    expect(settled.map(({ upload }) => upload?.description)).toEqual(Array(4).fill("text"));
  });

  it("sends its headers, and goes on behind the last event when its stream is cut", async () => {
    const { snapshots, events } = watch({ headers: { authorization: "me" } });
    await until(() => snapshots.length === 1);
    await channel.publish(progressOf("u0000", 10));
    await until(() => events.length === 1);
    server.closeAllConnections();
    await channel.publish(progressOf("u0000", 20));
    await until(() => events.length === 2);
    await channel.publish(progressOf("u0000", 30));
    await until(() => events.length === 3);
    expect(events.map(({ progress }) => progress)).toEqual([10, 20, 30]);
    expect(asked.map(({ authorization }) => authorization)).toEqual(["me", "me"]);
    expect(asked[1]?.lastId).toMatch(/-1$/);
  });

  it("comes back when the server was restarted, and is told how it stands then", async () => {
    const waits: number[] = [];
    const { snapshots, events } = watch({ onInterrupted: (retryInMs) => waits.push(retryInMs) });
    await until(() => snapshots.length === 1);
    expect(waits).toEqual([]);
    const { port } = server.address() as AddressInfo;
    await shut();
    await until(() => waits.length >= 2); // the stream that ended, and a try
    for (const ms of waits) expect(ms).toBeGreaterThan(0);
    await repository.updateUpload("u0000", { status: "completed" });
    await listen(port);
    await until(() => snapshots.at(-1)?.completed === 1);
    await channel.publish(settledOf(uploads[0] as UploadRecord));
    await until(() => events.length === 1);
  });

  it("polls where a proxy holds streams back, and tries a stream again later", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let isHolding = true;
    proxy = (accept) => (isHolding && accept === "text/event-stream" ? "hold" : "pass");
    const waits: number[] = [];
    const { snapshots, events } = watch({ onInterrupted: (retryInMs) => waits.push(retryInMs) });
    await passing(() => snapshots.length === 3);
    const accepted = asked.slice(0, 4).map(({ accept }) => accept);
    expect(accepted).toEqual(["text/event-stream", ...Array(3).fill("application/json")]);
    await repository.updateUpload("u0000", { status: "completed" });
    await passing(() => snapshots.at(-1)?.completed === 1);
    expect(waits).toEqual([]);
    proxy = () => 503;
    await passing(() => waits.length === 1); // a poll that is not answered
    proxy = (accept) => (isHolding && accept === "text/event-stream" ? "hold" : "pass");
    isHolding = false;
    await passing(() => asked.at(-1)?.accept === "text/event-stream");
    const polled = snapshots.length;
    await passing(() => snapshots.length > polled);
    await channel.publish(progressOf("u0000", 1));
    await passing(() => events.length === 1);
  });

  it("that has polled begins its next stream with a snapshot: what came before would be told behind what is newer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { snapshots, events } = watch();
    await passing(() => snapshots.length === 1);
    await channel.publish(progressOf("u0000", 10));
    await passing(() => events.length === 1);
    proxy = (accept) => (accept === "text/event-stream" ? "hold" : "pass");
    server.closeAllConnections();
    await passing(() => snapshots.length === 2);
    expect(asked.map(({ lastId }) => lastId !== undefined)).toEqual([false, true, false]);
    proxy = () => "pass";
    await passing(() => asked.at(-1)?.accept === "text/event-stream");
    expect(asked.at(-1)?.lastId).toBeUndefined();
  });

  it.each([503, 429, 500, "cut" as const])("tries again, ever later, when it is answered %s", async (status) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    vi.spyOn(Math, "random").mockReturnValue(0.48);
    const setting = vi.spyOn(globalThis, "setTimeout");
    const expected = [740, 1480, 2960, 5920, 11_840, 22_200, 22_200];
    // fetch has timers of its own, of other times.
    const waits = () => setting.mock.calls.flatMap(([, ms = 0]) => (expected.includes(ms) ? [ms] : []));
    proxy = () => status;
    const told: number[] = [];
    const { snapshots } = watch({ onInterrupted: (retryInMs) => told.push(retryInMs) });
    for (let n = 1; n <= 7; n++) {
      await turns(() => waits().length === n);
      if (n === 7) proxy = () => "pass";
      await vi.advanceTimersByTimeAsync(waits().at(-1) ?? 0);
    }
    expect(waits()).toEqual(expected);
    expect(told).toEqual(expected);
    const streams = status === "cut" ? 8 : 1;
    await turns(() => snapshots.length === streams);
  });

  it("waits as long as the server asks for", async () => {
    [proxy, retryAfter] = [() => 503, "7"];
    const told: number[] = [];
    const { stop } = watch({ onInterrupted: (retryInMs) => told.push(retryInMs) });
    await until(() => told.length === 1);
    stop();
    expect(told).toEqual([7000]);
  });

  it.each([
    ["403", () => 403 as const],
    ["404", () => 404 as const],
    ["204", () => 204 as const],
  ])("stops when it is answered %s", async (status, verdict) => {
    proxy = verdict;
    const ended: number[] = [];
    watch({ onEnd: (code) => ended.push(code) });
    await until(() => ended.length === 1);
    expect(ended).toEqual([Number(status)]);
    await new Promise(setImmediate);
    expect(asked).toHaveLength(1);
  });

  it("stops when it is told to: nothing is called, asked or waited for afterwards", async () => {
    const timers = timersOfClients();
    const controller = new AbortController();
    const bySignal = watch({ signal: controller.signal });
    const byFunction = watch();
    await until(() => [bySignal, byFunction].every(({ snapshots }) => snapshots.length === 1));
    expect(timers()).toBe(2);
    controller.abort();
    byFunction.stop();
    byFunction.stop();
    expect(timers()).toBe(0);
    await channel.publish(progressOf("u0000", 50));
    await until(() => [...responses].every(({ destroyed }) => destroyed));
    for (const { events } of [bySignal, byFunction]) expect(events).toEqual([]);
    watch({ signal: controller.signal });
    expect(timers()).toBe(0);
    expect(asked).toHaveLength(2);
  });

  it("may be stopped from inside its callbacks, and while it waits to try again", async () => {
    const timers = timersOfClients();
    const seen: Snapshot[] = [];
    const stop = watchProgress(url, {
      onSnapshot: (snapshot) => {
        seen.push(snapshot);
        stop();
      },
    });
    await until(() => seen.length === 1);
    expect(timers()).toBe(0);
    proxy = () => 503;
    const waiting = watch();
    await until(() => timers(750) === 1);
    waiting.stop();
    expect(timers()).toBe(0);
    let interrupted = 0;
    const once = watchProgress(url, {
      onSnapshot: () => {},
      onInterrupted: () => {
        interrupted++;
        once();
      },
    });
    await until(() => interrupted === 1);
    expect(timers()).toBe(0);
    await channel.publish(settledOf(uploads[0] as UploadRecord));
    expect(seen).toHaveLength(1);
  });
});

describe("a stream to a client of Node", () => {
  it("that does not read costs the server no more than its bound, and holds nobody up", async () => {
    const { events } = watch();
    const socket = await stalled();
    const upload = { ...(uploads[0] as UploadRecord), description: "x".repeat(4000) };
    const [buffered] = [...responses].filter(({ socket: own }) => own?.remotePort === socket.localPort);
    for (let n = 1; n <= 5000; n++) {
      await channel.publish({ ...settledOf(upload, ["description"]), at: n });
      if (n % 100 === 0) await until(() => events.at(-1)?.at === n);
    }
    // 20 MB were published; what the sockets of the system hold is not counted.
    expect(buffered?.writableLength).toBeGreaterThan(0);
    expect(buffered?.writableLength).toBeLessThan(600_000);
    // When it reads again it is told how things stand.
    await repository.updateUpload("u0000", { status: "completed" });
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes;
    });
    socket.resume();
    await until(() => text.includes('"completed":1'));
    socket.destroy();
  });

  it("that has gone leaves nothing behind", async () => {
    const timers = vi.spyOn(globalThis, "setInterval");
    const sockets = await Promise.all(Array.from({ length: 20 }, () => stalled()));
    expect(timers).toHaveBeenCalledTimes(1);
    const cleared = vi.spyOn(globalThis, "clearInterval");
    for (const socket of sockets) socket.destroy();
    await until(() => cleared.mock.calls.length > 0);
  });

  it("gets what subject answers, with its headers, and 500 for what it throws", async () => {
    await shut();
    const error = vi.fn();
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error };
    const subject = ({ url: asked, headers }: Request) => {
      if (asked.endsWith("/broken")) throw new Error("no session store");
      const answer = new Response(`${new URL(asked).host} ${headers.get("cookie")}`, { status: 401 });
      answer.headers.append("set-cookie", "a=1");
      answer.headers.append("set-cookie", "b=2");
      return answer;
    };
    handler = progressHandler({ channel, repository, subject, logger });
    server = createServer(handler.node);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const refused = await fetch(`http://127.0.0.1:${port}//evil/x`, { headers: { cookie: "c=3" } });
    expect([refused.status, await refused.text()]).toEqual([401, `127.0.0.1:${port} c=3`]);
    expect(refused.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect((await fetch(`http://127.0.0.1:${port}/broken`)).status).toBe(500);
    const odd = await new Promise<IncomingMessage>((resolve) => {
      get({ port, host: "127.0.0.1", headers: { host: "me:secret@host" } }, resolve);
    });
    odd.resume();
    expect(odd.statusCode).toBe(401);
    expect(error).toHaveBeenCalledTimes(1);
    const put = await fetch(`http://127.0.0.1:${port}/`, { method: "PUT", body: "x" });
    expect(put.status).toBe(405);
  });
});
