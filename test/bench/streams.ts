import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Benchmark, Row } from "./report.js";
import { median, ratio } from "./rounds.js";
import type { Command } from "./streams-server.js";

const STREAMS = 1000;
const EVERY_MS = 100;
/** The first events find code that is not optimized yet: they are not counted. */
const WARM_UPS = 10;
/** More than the system buffers for a stream: some megabytes. */
const FLOOD = 9000;

interface Measurement {
  /** From publishing an event to its receipt, of each event on each stream, in milliseconds, the shortest first. */
  readonly delays: readonly number[];
  /** What the process holds for each stream. */
  readonly bytesPerStream: number;
  /** What it keeps for the first stream, which may not be read. */
  readonly bytesOfFirst: number;
}

/**
 * A thousand streams on one process that tells each of them each event: by the library, with its snapshots, ids and subjects, to a
 * server that writes each event to each response; and whether one that is not read delays the others.
 */
export const streams: Benchmark = async ({ quick }) => {
  const events = quick ? 20 : 50;
  const rounds: Record<"library" | "bare" | "unread" | "bareUnread", Measurement[]> = {
    library: [],
    bare: [],
    unread: [],
    bareUnread: [],
  };
  for (let round = 0; round < (quick ? 2 : 4); round++) {
    rounds.library.push(await measure("library", events, false));
    rounds.bare.push(await measure("bare", events, false));
    rounds.unread.push(await measure("library", events, true));
    rounds.bareUnread.push(await measure("bare", events, true));
  }
  const row = (
    name: string,
    of: (measurement: Measurement) => number,
    format: (value: number) => string,
    sides = [rounds.library, rounds.bare] as const,
    target?: Row["target"],
  ): Row => {
    const [library, bare] = [sides[0].map(of), sides[1].map(of)];
    const compared = { library: format(median(library)), bare: format(median(bare)), measured: ratio(library, bare) };
    return { name, ...compared, unit: "×", ...(target && { target }) };
  };
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const kB = (value: number) => `${(value / 1000).toFixed(1)} kB`;
  const at =
    (share: number) =>
    ({ delays }: Measurement) =>
      delays[Math.floor(share * (delays.length - 1))] ?? Number.NaN;
  const alone = [rounds.unread, rounds.library] as const;
  return [
    row("1,000 streams, delay of an event, median", at(0.5), ms, undefined, { atMost: 1.5 }),
    row("1,000 streams, delay of an event, p99", at(0.99), ms),
    row("1,000 streams, memory of one", ({ bytesPerStream }) => bytesPerStream, kB),
    row("delay with a stream that is not read, to without", at(0.5), ms, alone, { atMost: 1.2 }),
    row("the same, p99", at(0.99), ms, alone),
    row("memory of the stream that is not read", ({ bytesOfFirst }) => bytesOfFirst, kB, [
      rounds.unread,
      rounds.bareUnread,
    ]),
  ];
};

async function measure(side: "library" | "bare", events: number, hasUnread: boolean): Promise<Measurement> {
  const path = fileURLToPath(new URL("streams-server.ts", import.meta.url));
  const server = fork(path, [side], { execArgv: ["--import", "tsx", "--expose-gc"] });
  const sockets: Socket[] = [];
  try {
    const [port] = (await once(server, "message")) as [number];
    // In every measurement there is one stream more, which gets as much; only in some it is not read.
    const first = open(port).pause();
    sockets.push(first);
    await once(first, "readable");
    if (!hasUnread) first.resume();
    const bytesOfFirst = Number(await answerTo(server, { flood: FLOOD }));
    const before = Number(await answerTo(server, { memory: true }));

    const delays: number[] = [];
    let isDone = () => {};
    const done = new Promise<void>((resolve) => {
      isDone = resolve;
    });
    const hear = (chunk: Buffer) => {
      const now = performance.timeOrigin + performance.now();
      for (const [, at] of chunk.toString("latin1").matchAll(/"at":(\d+\.?\d*)/g)) delays.push(now - Number(at));
      if (delays.length === STREAMS * (WARM_UPS + events)) isDone();
    };
    for (let opened = 0; opened < STREAMS; opened++) {
      const socket = open(port);
      sockets.push(socket);
      await once(socket, "data");
      socket.on("data", hear);
    }
    const after = Number(await answerTo(server, { memory: true }));
    server.send({ publish: WARM_UPS + events, everyMs: EVERY_MS } satisfies Command);
    await done;
    return {
      delays: delays.slice(STREAMS * WARM_UPS).sort((one, other) => one - other),
      bytesPerStream: (after - before) / STREAMS,
      bytesOfFirst,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    server.kill();
    await once(server, "exit");
  }
}

function open(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return socket;
}

async function answerTo(server: ChildProcess, command: Command): Promise<unknown> {
  const answer = once(server, "message");
  server.send(command);
  return (await answer)[0];
}
