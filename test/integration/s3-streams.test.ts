import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { s3Storage } from "../../src/adapters/s3.js";
import { processUploadWithRetry } from "../../src/index.js";
import { endOf, startChild } from "../support/child.js";
import { jpeg, until, uploadOf } from "../support/fakes.js";
import { watchTemporaryFiles } from "../support/media.js";
import { s3Client } from "../support/s3.js";
import { FaultyS3, sendObject } from "../support/s3-faults.js";

const { signal } = new AbortController();
const temporaryFiles = watchTemporaryFiles();
const s3 = new FaultyS3();
const client = () => s3Client(s3.port);
const storage = () => s3Storage({ client: client(), bucket: "photos" });
beforeAll(() => s3.open());
afterAll(() => s3.close());
beforeEach(() => {
  s3.requests.length = 0;
  s3.abandoned = 0;
});

/** The beginning of an object, after which nothing more comes. */
function sendHead(response: ServerResponse): void {
  response.writeHead(200, { "content-length": 1_000_000 });
  response.write(jpeg.subarray(0, 5000));
}

async function streamOf(opening: ReturnType<ReturnType<typeof storage>["open"]>): Promise<Readable> {
  const opened = await opening;
  if (opened === null || !("stream" in opened)) throw new Error("expected a stream");
  return opened.stream;
}

describe("an abort", () => {
  const reason = new Error("enough");

  it("before the answer ends the request, with the signal's reason", async () => {
    const controller = new AbortController();
    s3.answer = () => controller.abort(reason);
    await expect(storage().open("1.jpg", controller)).rejects.toBe(reason);
    await until(() => s3.abandoned === 1);
  });

  it("in mid-stream ends the stream and its connection", async () => {
    const controller = new AbortController();
    s3.answer = (_, response) => sendHead(response);
    const stream = await streamOf(storage().open("1.jpg", controller));
    const reading = buffer(stream);
    await new Promise((resolve) => stream.once("data", resolve));
    controller.abort(reason);
    await expect(reading).rejects.toMatchObject({ name: "AbortError", cause: reason });
    await until(() => s3.abandoned === 1);
  });

  it("in mid-stream ends an upload, and leaves no temporary file", async () => {
    const controller = new AbortController();
    s3.answer = (_, response) => sendHead(response);
    const repository = memoryRepository({ uploads: [uploadOf("1")] });
    const adapters = { storage: storage(), ai: { describe: async () => "A photo" }, repository };
    const working = processUploadWithRetry("1", adapters, { signal: controller.signal });
    while ((await temporaryFiles()).length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    controller.abort();
    expect(await working).toMatchObject({ status: "aborted" });
    await until(() => s3.abandoned === 1);
    expect(await temporaryFiles()).toEqual([]);
  });

  it("of a write ends the request", async () => {
    const controller = new AbortController();
    s3.answer = () => controller.abort(reason);
    const options = { contentType: "image/jpeg", signal: controller.signal };
    await expect(storage().write("1.jpg", jpeg, options)).rejects.toBe(reason);
    await until(() => s3.abandoned === 1);
  });

  it("leaves no listener on a signal that lives on", async () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, "addEventListener");
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    s3.answer = (_, response) => sendObject(response, jpeg);
    const stream = await streamOf(storage().open("1.jpg", controller));
    expect((await buffer(stream)).equals(jpeg)).toBe(true);
    await until(() => stream.closed);
    await until(() => removed.mock.calls.length >= added.mock.calls.length);
    expect(added.mock.calls.length).toBeGreaterThan(0);
  });
});

describe("a stream", () => {
  it("that is not read any further closes its connection when it is destroyed", async () => {
    s3.answer = (_, response) => sendHead(response);
    const stream = await streamOf(storage().open("1.jpg", { signal }));
    stream.destroy();
    await until(() => s3.abandoned === 1);
  });

  it("that fails while nobody reads it does not end the process", async () => {
    s3.answer = (_, response) => {
      response.writeHead(200, { "content-length": 1_000_000 });
      response.write(jpeg.subarray(0, 5000), () => response.destroy());
    };
    const stream = await streamOf(storage().open("1.jpg", { signal }));
    await until(() => stream.destroyed);
    expect(stream.errored).toMatchObject({ code: "STORAGE_FAILED", fault: "service", retryable: true });
  });

  it("of a client with a handler of its own is one of the web", async () => {
    const send = async () => ({ Body: new Blob([new Uint8Array(jpeg)]).stream(), ContentLength: jpeg.length });
    const stream = await streamOf(s3Storage({ client: { send }, bucket: "photos" }).open("1.jpg", { signal }));
    expect((await buffer(stream)).equals(jpeg)).toBe(true);
  });

  it("that ends early without an error is not taken for the whole", async () => {
    const send = async () => ({ Body: Readable.from([jpeg.subarray(0, 100)]), ContentLength: jpeg.length });
    const stream = await streamOf(s3Storage({ client: { send }, bucket: "photos" }).open("1.jpg", { signal }));
    const message = expect.stringContaining(`it ended after 100 of ${jpeg.length} bytes`);
    await expect(buffer(stream)).rejects.toMatchObject({ code: "STORAGE_FAILED", fault: "service", message });
  });

  it("of more than the memory is read with little of it", async () => {
    const [total, block] = [512 * 1024 * 1024, Buffer.alloc(1024 * 1024)];
    s3.answer = (_, response) => {
      response.writeHead(200, { "content-length": total });
      let left = total;
      Readable.from(
        (function* () {
          for (; left > 0; left -= block.length) yield block;
        })(),
        { objectMode: false },
      ).pipe(response);
    };
    const { code, out, err } = await endOf(startChild("test/support/s3-memory-worker.ts", [String(s3.port)]));
    expect({ code, err: err.includes("NodeVersionSupportWarning") ? "" : err }).toEqual({ code: 0, err: "" });
    const { bytes, memory } = JSON.parse(out);
    expect(bytes).toBe(total);
    expect(memory).toBeLessThan(total / 2);
  });
});

describe("the temporary original of a process that is killed while it comes in", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "s3-leftovers-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is removed by the next process that makes one", async () => {
    const worker = () => startChild("test/support/s3-leftover-worker.ts", [String(s3.port), folder]);
    s3.answer = (_, response) => sendHead(response);
    const killed = worker();
    const ended = endOf(killed);
    const left = () => readdirSync(folder).map((name) => join(folder, name, "original"));
    await until(() => left().some((path) => existsSync(path) && readFileSync(path).length > 0));
    const [original = ""] = left();
    killed.kill("SIGKILL");
    await ended;
    expect(readFileSync(original).equals(jpeg.subarray(0, 5000))).toBe(true);

    s3.answer = (request, response) => {
      if (request.method === "GET") sendObject(response, jpeg);
      else s3.respond({ status: 200 }, request, response);
    };
    const { code, out } = await endOf(worker());
    expect({ code, out: out.trim() }).toEqual({ code: 0, out: "completed" });
    expect(readdirSync(folder)).toEqual([]);
  });
});
