import { describe, expect, test } from "vitest";
import {
  assertCompleted,
  BatchProcessor,
  type BatchRepositoryAdapter,
  processUploadWithRetry,
  type UploadChanges,
  UploadEventEmitter,
  type UploadRecord,
} from "../../src/index.js";
import { uploadOf, worldOf } from "../support/fakes.js";

const plain = { retry: { minTimeout: 1, randomize: false } } as const;
type Writable = { -readonly [Key in keyof UploadRecord]: UploadRecord[Key] };

/** What hostile or careless code does to a record that it was given. */
function spoil(record: UploadRecord): void {
  const writable: Writable = record;
  writable.id = "other";
  writable.storageKey = "originals/other.jpg";
  writable.description = "planted";
  writable.embedding = [6, 6, 6];
  writable.thumbnailKey = "thumbnails/other.jpg";
  writable.aiVersion = "planted";
  const { metadata } = record;
  if (metadata != null) {
    (metadata as Record<string, unknown>).planted = true;
    Object.assign(Object(metadata.nested), { planted: true });
  }
}

const metadata = { nested: { camera: "X100" } };

async function expectUnspoilt(world: ReturnType<typeof worldOf>, result: unknown): Promise<void> {
  const stored = await world.repository.findUpload("a");
  for (const record of [stored, (result as { upload: UploadRecord }).upload]) {
    expect(record).toMatchObject({
      id: "a",
      storageKey: "originals/a.jpg",
      thumbnailKey: "thumbnails/a.jpg",
      description: "A photo of a",
      embedding: [12, 1, 0],
      metadata: { nested: { camera: "X100" } },
    });
    expect(record?.metadata).not.toHaveProperty("planted");
    expect(record?.metadata?.nested).not.toHaveProperty("planted");
  }
  expect(world.storage.keys().sort()).toEqual(["originals/a.jpg", "thumbnails/a.jpg"]);
}

describe("a record that somebody was given is a copy", () => {
  test("for listeners: neither the work nor what adapters see is changed by them", async () => {
    const world = worldOf([uploadOf("a", { metadata })]);
    const events = new UploadEventEmitter();
    events.on("upload:started", ({ upload }) => spoil(upload));
    const seen: UploadRecord[] = [];
    world.ai.describe.mockImplementation(async (media) => {
      seen.push({ ...media.upload });
      return `A photo of ${media.upload.id}`;
    });
    const result = await processUploadWithRetry("a", world, { ...plain, events });
    assertCompleted(result);
    await expectUnspoilt(world, result);
    expect(seen).toMatchObject([{ id: "a", storageKey: "originals/a.jpg" }]);
    expect(seen[0]).not.toHaveProperty("description");
  });

  test("for adapters: media.upload is new each time, in each attempt", async () => {
    const world = worldOf([uploadOf("a", { metadata })]);
    world.ai.describe.mockImplementationOnce(async (media) => {
      spoil(media.upload);
      throw new Error("once");
    });
    world.ai.embed.mockImplementation(async ({ text, media }) => {
      const { length } = text;
      spoil(media.upload);
      expect(media.upload).toMatchObject({ id: "a", description: "A photo of a", metadata: { nested: {} } });
      return [length, 1, 0];
    });
    const result = await processUploadWithRetry("a", world, plain);
    assertCompleted(result);
    await expectUnspoilt(world, result);
  });

  test("for thumbnail.key", async () => {
    const world = worldOf([uploadOf("a", { metadata })]);
    const key = (upload: UploadRecord) => {
      const made = `thumbnails/${upload.id}.jpg`;
      spoil(upload);
      return made;
    };
    const result = await processUploadWithRetry("a", world, { ...plain, thumbnail: { key } });
    assertCompleted(result);
    await expectUnspoilt(world, result);
  });

  test("for whoever listens to the end, and for the caller", async () => {
    const world = worldOf([uploadOf("a", { metadata })]);
    const events = new UploadEventEmitter();
    events.on("upload:settled", (event) => {
      if (event.status === "completed") spoil(event.upload);
    });
    const result = await processUploadWithRetry("a", world, { ...plain, events });
    assertCompleted(result);
    await expectUnspoilt(world, result);
  });

  test("for repositories: what they do with the record that they gave, and with changes that they got", async () => {
    const world = worldOf([uploadOf("a", { metadata })]);
    const { repository } = world;
    let failures = 1;
    const given: UploadRecord[] = [];
    const careless: BatchRepositoryAdapter = {
      ...repository,
      async claimUpload(id, request) {
        const answer = await repository.claimUpload(id, request);
        if (answer.outcome === "claimed") given.push(answer.upload);
        return answer;
      },
      async updateUpload(id, changes, claim) {
        for (const record of given) Object.assign(record, { storageKey: "other", thumbnailKey: "other", draft: null });
        // As one does that writes JSON columns: in place, and then the connection breaks.
        const columns = changes as Record<string, unknown>;
        const read = { ...changes };
        for (const name of ["metadata", "embedding"]) if (columns[name]) columns[name] = JSON.stringify(columns[name]);
        if (columns.metadata && failures-- > 0) throw new Error("connection lost");
        for (const name of ["metadata", "embedding"] as const) {
          if (columns[name]) (read as Record<string, unknown>)[name] = JSON.parse(String(columns[name]));
        }
        return repository.updateUpload(id, read as UploadChanges, claim);
      },
    };
    const result = await processUploadWithRetry("a", { ...world, repository: careless }, plain);
    assertCompleted(result);
    await expectUnspoilt(world, result);
    expect(result.upload.metadata).not.toHaveProperty("0");
  });

  test("for models: an answer that they change later is not what is stored", async () => {
    const world = worldOf([uploadOf("a")]);
    const vector = [12, 1, 0];
    const answer = { text: "A photo of a", metadata: { tags: ["cat"] } };
    world.ai.describe.mockResolvedValue(answer);
    world.ai.embed.mockImplementation(async () => {
      answer.metadata.tags.push("dog");
      return vector;
    });
    const { repository } = world;
    const updateUpload: typeof repository.updateUpload = (id, changes, claim) => {
      if (changes.status === "completed") vector[0] = 99;
      return repository.updateUpload(id, changes, claim);
    };
    const result = await processUploadWithRetry("a", { ...world, repository: { ...repository, updateUpload } }, plain);
    assertCompleted(result);
    expect(await repository.findUpload("a")).toMatchObject({ embedding: [12, 1, 0], metadata: { tags: ["cat"] } });
    expect(result.upload).toMatchObject({ embedding: [12, 1, 0], metadata: { tags: ["cat"] } });
  });

  test("for options: an object that is changed afterwards changes nothing", async () => {
    const world = worldOf([uploadOf("a", { metadata })]);
    const thumbnail = { key: () => "thumbnails/a.jpg" };
    const allow = ["image/jpeg"];
    const working = processUploadWithRetry("a", world, { ...plain, thumbnail, input: { allow } });
    thumbnail.key = () => "elsewhere.jpg";
    allow.length = 0;
    const result = await working;
    assertCompleted(result);
    await expectUnspoilt(world, result);
  });
});

test("warnings and timings of a result do not grow once it is out", async () => {
  const world = worldOf([uploadOf("a")]);
  const events = new UploadEventEmitter();
  const late: (() => void)[] = [];
  events.on("upload:progress", () => new Promise((_, reject) => late.push(() => reject(new Error("late")))));
  const result = await processUploadWithRetry("a", world, { ...plain, events, thumbnail: false });
  assertCompleted(result);
  const before = [result.warnings.length, result.stages.length];
  for (const reject of late) reject();
  await new Promise((resolve) => setImmediate(resolve));
  expect([result.warnings.length, result.stages.length]).toEqual(before);
});

test("a listener cannot change what the caller is told, nor what the next listener is", async () => {
  const world = worldOf([uploadOf("a")]);
  const events = new UploadEventEmitter();
  const attacks: unknown[] = [];
  const attack = (change: () => void) => {
    try {
      change();
    } catch (error) {
      attacks.push(error);
    }
  };
  events.on("upload:settled", (event) => {
    const { usage, warnings, stages } = event as unknown as {
      usage: { cost: number };
      warnings: unknown[];
      stages: { outcome: string }[];
    };
    attack(() => {
      usage.cost = -5;
    });
    attack(() => warnings.push(new Error("planted")));
    attack(() => {
      stages.length = 0;
    });
    for (const stage of stages)
      attack(() => {
        stage.outcome = "failed";
      });
  });
  const result = await processUploadWithRetry("a", world, { events });
  expect(attacks.length).toBeGreaterThan(4);
  expect(result.usage).not.toHaveProperty("cost");
  expect(result.warnings).toEqual([]);
  expect(result.stages.map(({ outcome }) => outcome)).toEqual(result.stages.map(() => "ok"));
  const batch = await new BatchProcessor(world).process("batch");
  for (const part of [batch.usage, batch.usageByStage, batch.failures]) expect(Object.isFrozen(part)).toBe(true);
});
