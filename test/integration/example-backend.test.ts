import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_BYTES, type View } from "../../examples/backend/uploads.js";
import { BackendProcesses, end } from "../support/backend-processes.js";
import { ROOT } from "../support/build.js";
import { endOf, startChild } from "../support/child.js";
import { until } from "../support/fakes.js";
import { photo } from "../support/images.js";
import { framesOf, nextOf } from "../support/progress-streams.js";

const { TEST_POSTGRES_URL, TEST_REDIS_URL } = process.env;
const isMissing = TEST_POSTGRES_URL === undefined || TEST_REDIS_URL === undefined;

/** Processes take a while to start on a machine with much else to do. In milliseconds. */
const TIMEOUT = 300_000;

describe.skipIf(isMissing)("the backend (TEST_POSTGRES_URL, TEST_REDIS_URL)", { timeout: TIMEOUT }, () => {
  let backend: BackendProcesses;
  let worker: Awaited<ReturnType<BackendProcesses["startWorker"]>>;
  let me: User;

  beforeAll(async () => {
    backend = await BackendProcesses.prepare();
    [worker] = await Promise.all([backend.startWorker(1500), backend.startApi()]);
    me = await newUser();
  }, TIMEOUT);
  afterAll(() => backend.stop());

  type User = Awaited<ReturnType<typeof newUser>>;

  /** Somebody who has opened the page. */
  async function newUser() {
    const page = await fetch(backend.url);
    const [cookie = ""] = (page.headers.get("set-cookie") ?? "").split(";");
    const send = (path: string, { headers, ...init }: RequestInit & { headers?: Record<string, string> } = {}) =>
      fetch(`${backend.url}${path}`, { ...init, headers: { cookie, ...headers } });
    const post = (body: Uint8Array<ArrayBuffer> | string = cat(), headers: Record<string, string> = {}) =>
      send("/uploads", { method: "POST", body, headers: { "content-type": "image/png", ...headers } });
    const { batch } = (await (await send("/uploads")).json()) as { batch: string };
    const watch = async () => framesOf(await send(`/progress?batch=${batch}`));
    const find = async (id: string) => (await (await send(`/uploads/${id}`)).json()) as View;
    return { cookie, send, post, find, batch, watch };
  }

  const cat = () => new Uint8Array(photo("cat.png"));
  const files = (folder: string) =>
    existsSync(join(backend.folder, folder)) ? readdirSync(join(backend.folder, folder)) : [];

  it("takes a photo, tells how far it is, and serves what was made of it", async () => {
    const frames = await me.watch();
    expect(await nextOf(frames)).toMatchObject({ type: "snapshot", data: { total: 0 } });
    const response = await me.post(cat(), { "x-file-name": encodeURIComponent("Käthe.png") });
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as View;
    expect(response.headers.get("location")).toBe(`/uploads/${id}`);

    const progress = await nextOf(frames, "upload:progress");
    expect(progress.data).toMatchObject({ uploadId: id, batchId: me.batch, fileName: "Käthe.png" });
    const settled = await nextOf(frames, "upload:settled");
    expect(settled.data).toMatchObject({
      status: "completed",
      upload: { id, description: expect.stringMatching(/brown/) },
    });
    const snapshot = await nextOf(frames, "snapshot");
    expect(snapshot.data).toMatchObject({ total: 1, completed: 1 });
    await frames.return(undefined);

    const upload = await me.find(id);
    expect(upload).toMatchObject({ status: "completed", fileName: "Käthe.png", error: null });
    expect(upload.description).toBe((settled.data.upload as View).description);
    expect(Object.keys(upload)).toEqual(["id", "status", "fileName", "description", "thumbnail", "error"]);
    const thumbnail = await me.send(String(upload.thumbnail));
    expect(thumbnail.headers.get("content-type")).toBe("image/jpeg");
    expect(await sharp(await thumbnail.arrayBuffer()).metadata()).toMatchObject({ format: "jpeg", width: 256 });

    expect((await me.send(`/uploads/${id}/retry`, { method: "POST" })).status).toBe(409);
    expect((await me.send(`/uploads/${id}`, { method: "DELETE" })).status).toBe(204);
    expect([...files("originals"), ...files("thumbnails")]).toEqual([]);
    for (const method of ["GET", "DELETE"]) expect((await me.send(`/uploads/${id}`, { method })).status).toBe(404);
  });

  it("deletes an upload while the model is at it: nothing is left", async () => {
    const frames = await me.watch();
    const { id } = (await (await me.post()).json()) as View;
    for (;;) if ((await nextOf(frames, "upload:progress")).data.stage === "describe") break;
    await until(() => files("thumbnails").length > 0);
    expect((await me.send(`/uploads/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await nextOf(frames, "upload:settled")).data).toMatchObject({ uploadId: id, status: "deleted" });
    await frames.return(undefined);
    expect([...files("originals"), ...files("thumbnails")]).toEqual([]);
  });

  it("shows a user nothing of others', and lets them do nothing to it", async () => {
    const other = await newUser();
    await backend.queue.pause();
    const { id } = (await (await me.post()).json()) as View;
    expect(await (await other.send("/uploads")).json()).toEqual({ batch: other.batch, uploads: [] });
    const refused: [string, string, number][] = [
      ["GET", `/uploads/${id}`, 404],
      ["DELETE", `/uploads/${id}`, 404],
      ["POST", `/uploads/${id}/retry`, 404],
      ["GET", `/thumbnails/${id}`, 404],
      ["GET", `/progress?batch=${me.batch}`, 403],
      ["GET", "/progress?batch=nobody", 403],
      ["GET", "/progress", 403],
    ];
    for (const [method, path, status] of refused) expect((await other.send(path, { method })).status).toBe(status);
    for (const path of ["/uploads", `/uploads/${id}`, `/progress?batch=${me.batch}`])
      expect((await fetch(`${backend.url}${path}`)).status).toBe(401);
    expect((await me.find(id)).status).toBe("pending");

    const status = async () => {
      const answer = await me.send(`/progress?batch=${me.batch}`, { headers: { accept: "application/json" } });
      return ((await answer.json()) as { status: string }).status;
    };
    expect(await status()).toBe("processing");
    await me.send(`/uploads/${id}`, { method: "DELETE" });
    expect(await status()).toBe("completed"); // it was the last one
    await backend.queue.resume();
  });

  it.each([
    ["another type", () => me.post(cat(), { "content-type": "text/plain" }), 415],
    ["nothing", () => me.post(""), 400],
    ["a name that is not encoded", () => me.post(cat(), { "x-file-name": "100%" }), 400],
    ["more than is let in", () => me.post(new Uint8Array(MAX_BYTES + 1)), 413],
    ["an unknown upload", () => me.send("/uploads/nobody"), 404],
    ["a retry of an unknown upload", () => me.send("/uploads/nobody/retry", { method: "POST" }), 404],
    ["a thumbnail of an unknown upload", () => me.send("/thumbnails/nobody"), 404],
    ["a path out of the folder", () => me.send("/thumbnails/..%2Foriginals"), 404],
    ["another method", () => me.send("/uploads", { method: "PUT" }), 405],
    ["somebody without a session", () => fetch(`${backend.url}/uploads`), 401],
  ])("refuses %s", async (_, send, status) => {
    const response = await send();
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
    expect(files("originals")).toEqual([]);
  });

  it("refuses a body that turns out to be too large, and keeps nothing of one that is cut off", async () => {
    const sending = (send: (outgoing: ReturnType<typeof request>) => void) =>
      new Promise<number | undefined>((resolve) => {
        const headers = { cookie: me.cookie, "content-type": "image/png", "transfer-encoding": "chunked" };
        const outgoing = request(`${backend.url}/uploads`, { method: "POST", headers }, (response) =>
          resolve(response.resume().statusCode),
        );
        outgoing.on("error", () => resolve(undefined));
        send(outgoing);
      });
    expect(await sending((outgoing) => outgoing.end(new Uint8Array(MAX_BYTES + 1)))).toBe(413);
    const cutOff = sending((outgoing) => {
      outgoing.write(cat().subarray(0, 1000));
      void until(() => files("originals").length > 0).then(() => outgoing.destroy());
    });
    expect(await cutOff).toBeUndefined();
    await until(() => files("originals").length === 0);
  });

  it("gives a job to each upload that lost its own, when it starts", async () => {
    await backend.queue.pause();
    const { id } = (await (await me.post()).json()) as View;
    await backend.queue.drain();
    await backend.killApi();
    await backend.queue.resume();
    await backend.startApi();
    while ((await me.find(id)).status !== "completed") await sleep(20);
  });

  it("closes in good order: streams end, and what is in work is done before its worker ends", async () => {
    const frames = await me.watch();
    const { id } = (await (await me.post()).json()) as View;
    for (;;) if ((await nextOf(frames, "upload:progress")).data.stage === "describe") break;
    expect(await end(worker, "SIGTERM")).toBe(0);
    expect((await backend.uploads()).find((row) => row.id === id)).toMatchObject({ status: "completed" });
    const ended = backend.endApi();
    for await (const _ of frames); // until the stream ends
    expect(await ended).toBe(0);
    await expect(me.find(id)).rejects.toThrow("fetch failed");
    expect(backend.complaints).toEqual([]);
  });

  it("is started by one program, which starts again what was killed, and ends with it", async () => {
    const all = await backend.startAll();
    const { id } = (await (await me.post()).json()) as View;
    while ((await me.find(id)).status !== "completed") await sleep(20);
    if (process.platform === "linux") {
      const workers = childrenOf(all).filter((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("worker.ts"),
      );
      expect(workers).toHaveLength(2);
      for (const pid of workers) process.kill(pid, "SIGKILL");
      const after = (await (await me.post()).json()) as View;
      while ((await me.find(after.id)).status !== "completed") await sleep(20); // by one that was started in their place
    }
    const ended = endOf(all); // when nobody is left who could print something
    all.kill("SIGTERM");
    expect((await ended).code).toBe(0);
    expect(backend.complaints).toEqual([]);
  });
});

function childrenOf({ pid }: ChildProcess): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.trim().split(" ").map(Number);
}

it.each(["server.ts", "worker.ts"])("%s says what is not set, and ends", async (program) => {
  const child = startChild(`${ROOT}examples/backend/${program}`, [], { env: { DATABASE_URL: "", REDIS_URL: "" } });
  const { code, err } = await endOf(child);
  expect(err.trim()).toMatch(/^DATABASE_URL is not set: .* For example: DATABASE_URL=postgres:\S+$/);
  expect(code).toBe(1);
});
