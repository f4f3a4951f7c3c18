import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sampleJpeg } from "../../src/testing/index.js";
import { failure, OllamaServer } from "../support/ollama-server.js";

/** What the first example of the README runs against here: an embedded database, a temporary folder, and a server of the test's own. */
const world = vi.hoisted(() => ({
  database: undefined as unknown as PGlite,
  folder: "",
  pools: [] as EventEmitter[],
  models: undefined as unknown as OllamaServer,
}));

class Pool extends EventEmitter {
  constructor() {
    super();
    world.pools.push(this);
  }
  query(text: string, values?: unknown[]) {
    return values === undefined ? world.database.exec(text) : world.database.query(text, values);
  }
  async end() {}
}
vi.mock("pg", () => ({ default: { Pool } }));
vi.mock("upload-processor/fs", async (original) => {
  const { fileStorage } = await original<typeof import("../../src/adapters/fs.js")>();
  return { fileStorage: () => fileStorage(world.folder) };
});

vi.mock("upload-processor/ollama", async (original) => {
  const { ollama } = await original<typeof import("../../src/adapters/ollama.js")>();
  return { ollama: (options: Parameters<typeof ollama>[0]) => ollama({ ...options, host: world.models.url }) };
});

beforeAll(async () => {
  world.database = await PGlite.create();
  world.folder = await mkdtemp(join(tmpdir(), "readme-example-"));
  await mkdir(join(world.folder, "originals"));
  await writeFile(join(world.folder, "originals/beach.jpg"), sampleJpeg());
  vi.spyOn(console, "log").mockImplementation(() => {});
  world.models = await OllamaServer.start();
  // As a model that is being loaded: what is thrown for it has to say whose fault it is.
  world.models.script("chat", failure(503, "server busy", { "retry-after": "0" }));
});

afterAll(async () => {
  vi.restoreAllMocks();
  await world.models.close();
  await world.database.close();
  await rm(world.folder, { recursive: true });
});

test("the first example of the README does what it says", async () => {
  await import("../../examples/readme.js");
  const { rows } = await world.database.query(
    "select status, description, thumbnail_key from upload_processor_uploads",
  );
  const { description } = world.models;
  expect(rows).toEqual([{ status: "completed", description, thumbnail_key: "thumbnails/beach.jpg" }]);
  expect((await stat(join(world.folder, "thumbnails/beach.jpg"))).size).toBeGreaterThan(0);
  expect(world.models.callsOf("chat").map(({ body }) => body.model)).toEqual(["qwen3-vl", "qwen3-vl"]);
  expect(world.models.callsOf("embed").map(({ body }) => body.input)).toEqual([[description]]);
  expect(world.pools.map((pool) => pool.listenerCount("error"))).toEqual([1]);

  // A second run has nothing left to do, and pays for nothing.
  vi.resetModules();
  await import("../../examples/readme.js");
  expect(world.pools).toHaveLength(2);
  expect(console.log).toHaveBeenLastCalledWith(expect.objectContaining({ status: "completed" }));
  expect(world.models.callsOf("chat")).toHaveLength(2);
});
