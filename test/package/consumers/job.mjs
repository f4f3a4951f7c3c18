import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";

/** But for ./otel, whose SDKs have a test of their own. */
const SUBPATHS = [
  "fs",
  "memory",
  "postgres",
  "local-ai",
  "ai-sdk",
  "ollama",
  "s3",
  "flydrive",
  "ffmpeg",
  "heic",
  "bullmq",
  "pg-boss",
  "progress",
  "progress-client",
  "testing",
];

/**
 * Uses the root and every subpath for what they are there for.
 *
 * @param load loads a module in one of the formats
 * @param other the root in the other format
 * @param photo the path of a real photograph
 */
export async function job(load, other, photo) {
  const root = await load("upload-processor");
  const loaded = await Promise.all(SUBPATHS.map((name) => load(`upload-processor/${name}`)));
  const [fs, memory, postgres, localAI, aiSdk, ollama, s3, flydrive, ffmpeg, heic, ...integrations] = loaded;
  const [bullmq, pgBoss, progress, client, testing] = integrations;
  const upload = { id: "1", storageKey: "photo", status: "pending" };
  const repository = memory.memoryRepository({ uploads: [upload] });
  const storage = memory.memoryStorage([["photo", await readFile(photo)]]);
  const events = new root.UploadEventEmitter();
  const steps = [];
  events.on("upload:progress", (event) => steps.push(event.progress));

  const adapters = { storage, ai: localAI.localAI(), repository };
  const decoders = [ffmpeg.ffmpeg({ ffmpegPath: "/nowhere/ffmpeg" }), heic.heic()];
  const pictures = { renditions: { large: { size: 300 } }, placeholder: "thumbhash", decoders };
  const result = await root.processUploadWithRetry(upload, adapters, { events, ...pictures });
  root.assertCompleted(result);
  assert.deepEqual(result.warnings, []);
  assert.ok(result.upload.description.length > 0);
  assert.ok(result.upload.embedding.length > 0);
  assert.deepEqual([...storage.get(result.upload.thumbnailKey).subarray(0, 3)], [0xff, 0xd8, 0xff], "a JPEG");
  const { renditions, placeholder } = root.mediaFacts(result.upload);
  assert.equal(renditions.large.width, 300);
  assert.match(placeholder, /^[\w+/]{20,}=*$/);
  assert.equal(steps.at(-1), 100);
  assert.equal((await repository.findUpload("1")).status, "completed");

  await repository.addBatch({ id: "batch", status: "pending" });
  await repository.addUploads([{ ...upload, id: "2", batchId: "batch" }]);
  const channel = progress.localChannel();
  const handler = progress.progressHandler({ channel, repository, subject: () => ({ batchId: "batch" }) });
  const server = createServer(handler.node);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  let stop;
  const ended = new Promise((resolve) => {
    const onSnapshot = ({ status, completed }) => status === "completed" && resolve(completed);
    stop = client.watchProgress(url, { onSnapshot });
  });
  const processor = new root.BatchProcessor({ ...adapters, plugins: [progress.publishTo(channel)] });
  assert.equal((await processor.process("batch")).completed, 1);
  await processor.close();
  assert.equal(await ended, 1);
  stop();
  await handler.close();
  server.close();
  server.closeAllConnections();

  const folder = join(tmpdir(), `upload-processor-${process.pid}`);
  const files = fs.fileStorage(folder);
  const { signal } = new AbortController();
  await files.write("a/b", new Uint8Array([1]), { contentType: "image/jpeg", signal });
  assert.deepEqual(await files.open("a/b", { signal }), { path: join(folder, "a", "b") });
  await rm(folder, { recursive: true });

  const rows = postgres.postgresRepository({ query: async () => ({ rows: [] }) });
  assert.equal(await rows.findUpload("1"), null);
  assert.match(rows.schemaSql(), /create table/i);

  // The SDK is an optional peer, and not installed here.
  const bucket = s3.s3Storage({ client: { send: async () => ({}) }, bucket: "photos" });
  const missing = await bucket.open("a/b", { signal }).catch((error) => error);
  assert.ok(missing instanceof root.ConfigurationError, String(missing));
  assert.match(missing.message, /npm install @aws-sdk\/client-s3/);

  const objects = new Map();
  const disk = flydrive.flydriveStorage({
    getStream: async (key) => Readable.from([objects.get(key)]),
    put: async (key, contents) => void objects.set(key, contents),
    delete: async (key) => void objects.delete(key),
  });
  const split = root.splitStorage({ originals: storage, derived: disk });
  await split.write("a/b", new Uint8Array([1]), { contentType: "image/jpeg", signal });
  assert.deepEqual(await buffer((await disk.open("a/b", { signal })).stream), Buffer.from([1]));

  const unknown = errorOf(() => aiSdk.aiSdk({ model: { specificationVersion: "v9", provider: "a", modelId: "b" } }));
  assert.ok(unknown instanceof root.ConfigurationError, String(unknown));

  const models = ollama.ollama({ model: "qwen2.5vl", embeddingModel: "nomic-embed-text" });
  const told = await models.embedText("a cat").catch((error) => error);
  assert.ok(told instanceof root.ConfigurationError, "a peer that is not installed is the deployment's fault");
  assert.match(told.message, /npm install ollama/);

  const [video, still] = decoders;
  const frames = video.frames({ path: photo }, { max: 1, maxSide: 9, limitPixels: 99, purpose: "thumbnail", signal });
  const absent = await frames[Symbol.asyncIterator]()
    .next()
    .catch((error) => error);
  assert.ok(absent instanceof root.ConfigurationError, String(absent));
  const jpeg = await still.probe({ path: photo }, { signal }).catch((error) => error);
  assert.ok(jpeg instanceof root.UploadError, String(jpeg));
  assert.equal(jpeg.fault, "upload", "a JPEG is no HEIC");

  // A runtime of another copy of the root would be refused.
  const runtime = root.createRuntime({ limits: { describe: 1 } });
  const processJob = bullmq.uploadJobProcessor(adapters, { runtime });
  const done = await processJob({ data: { uploadId: "1" }, opts: {}, attemptsMade: 0, attemptsStarted: 1 });
  assert.equal(done.status, "skipped", "it was completed above");
  const misused = errorOf(() => bullmq.createUploadWorker("uploads", adapters, {}));
  assert.ok(misused instanceof root.ConfigurationError, String(misused));

  // On an older Node it says that first.
  const unfit = await pgBoss.workUploads({}, "uploads", adapters).catch((error) => error);
  assert.ok(unfit instanceof root.ConfigurationError, String(unfit));
  assert.match(unfit.message, /expected Node 22\.12|expected pg-boss 12\.38/);

  const contract = new Map();
  const create = () => ({ repository, addUploads: repository.addUploads, addBatch: repository.addBatch });
  testing.testRepositoryContract({ create, test: (name, body) => contract.set(name, body) });
  const [first] = contract.values();
  await first();

  const noPool = errorOf(() => progress.postgresChannel({}));
  assert.ok(noPool instanceof root.ConfigurationError, "the integrations have the errors of the root");

  const thrown = errorOf(() => fs.fileStorage(""));
  assert.ok(thrown instanceof root.ConfigurationError, "the subpaths throw the errors of the root");
  assert.ok(thrown instanceof root.UploadError);
  assert.ok(other.UploadError.isInstance(thrown), "the copy of the other format knows it too");
}

function errorOf(action) {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
