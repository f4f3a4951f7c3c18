import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sampleJpeg } from "../../src/testing/index.js";

/** What the first example of the README runs against here: an embedded database, a temporary folder, and a model of two answers. */
const world = vi.hoisted(() => ({ database: undefined as unknown as PGlite, folder: "", pools: [] as EventEmitter[] }));

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

const asked: string[] = [];

beforeAll(async () => {
  world.database = await PGlite.create();
  world.folder = await mkdtemp(join(tmpdir(), "readme-example-"));
  await mkdir(join(world.folder, "originals"));
  await writeFile(join(world.folder, "originals/beach.jpg"), sampleJpeg());
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string }) => {
    const { model, images = [] } = JSON.parse(body);
    asked.push(`${url.split("/api/")[1]} ${model}, ${images.length} images`);
    // As a model that is being loaded: what is thrown for it has to say whose fault it is.
    if (asked.length === 1) return new Response("busy", { status: 503, headers: { "retry-after": "0" } });
    return Response.json({ response: "A beach.", embeddings: [[0.5, 0.25]] });
  });
});

afterAll(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await world.database.close();
  await rm(world.folder, { recursive: true });
});

test("the first example of the README does what it says", async () => {
  await import("../../examples/readme.js");
  const { rows } = await world.database.query(
    "select status, description, thumbnail_key from upload_processor_uploads",
  );
  expect(rows).toEqual([{ status: "completed", description: "A beach.", thumbnail_key: "thumbnails/beach.jpg" }]);
  expect((await stat(join(world.folder, "thumbnails/beach.jpg"))).size).toBeGreaterThan(0);
  expect(asked).toEqual([
    ...["generate qwen3-vl, 1 images", "generate qwen3-vl, 1 images", "embed nomic-embed-text, 0 images"],
  ]);
  expect(world.pools.map((pool) => pool.listenerCount("error"))).toEqual([1]);
});
