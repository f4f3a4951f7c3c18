import assert from "node:assert/strict";
import type { AIAdapter } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { UploadError } from "../errors.js";
import { assertEqual } from "./assert-equal.js";
import { type FakeContext, type FakeMedia, fakeContext, fakeMedia } from "./fakes/media.js";
import { inTime } from "./in-time.js";

/** An AI adapter under test. */
export interface AIFixture<U extends UploadRecord = UploadRecord> {
  readonly ai: AIAdapter<U>;
  /** What it describes: a record of your own, or an image that your model has something to say about. @default a small photo */
  readonly media?: FakeMedia<U> | undefined;
}

export interface AIContractOptions<U extends UploadRecord = UploadRecord> {
  /** Registers a test: `test` of vitest, Jest or `node:test`. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Called at the start of every test. */
  readonly create: () => AIFixture<U> | Promise<AIFixture<U>>;
  /** `false`: the adapter has neither `embed` nor `embedMany`. @default true */
  readonly embeds?: boolean | undefined;
  /** The longest that a call may take, in milliseconds: shorter than the runner's own limit. @default 20000 */
  readonly withinMs?: number | undefined;
  /** The longest that a call may go on after its signal was aborted: the library waits no longer. @default 5000 */
  readonly abortWithinMs?: number | undefined;
}

/**
 * Registers the tests that every AI adapter has to pass for the library to keep its promises. Bound to no test runner; a
 * failed expectation throws the `AssertionError` of `node:assert`. They make some twenty calls: a paid model is paid.
 *
 * @example
 * import { test } from "node:test";
 *
 * testAIContract({ test, create: () => ({ ai: myVisionModel({ apiKey: process.env.API_KEY }) }) });
 */
export function testAIContract<U extends UploadRecord>(options: AIContractOptions<U>): void {
  const { embeds = true, withinMs = 20_000, abortWithinMs = 5000 } = options;

  const it = (name: string, body: (calls: Calls<U>) => Promise<void>) =>
    options.test(name, async () => {
      const { ai, media } = await options.create();
      // Without media of their own, a fixture's records are what the library knows of any upload.
      const given = media ?? (fakeMedia() as FakeMedia<U>);
      try {
        await body(callsOf(ai, given, withinMs));
      } finally {
        await given.release();
      }
    });

  it("says what it is in numbers and texts that can be used", async ({ ai }) => {
    const has = ai.embed !== undefined || ai.embedMany !== undefined;
    assert.equal(has, embeds, "whether it has embed or embedMany (say `embeds: false` if it has none)");
    const numbers = { dimensions: ai.dimensions, ...ai.concurrency, "embedBatch.maxSize": ai.embedBatch?.maxSize };
    for (const [name, value] of Object.entries(numbers))
      if (value !== undefined) assert.ok(Number.isSafeInteger(value) && value > 0, `${name}: ${value}`);
    const versions = typeof ai.version === "object" ? Object.values(ai.version) : [ai.version];
    for (const version of versions) assert.notEqual(version?.trim(), "", "an empty version tells nothing");
  });

  it("describes an image in words, with metadata that can be stored", async ({ describe }) => {
    const answer = await describe();
    const { text, metadata, usage } = typeof answer === "string" ? { text: answer } : answer;
    assert.equal(typeof text, "string");
    assert.notEqual(text.trim(), "", "a description may not be empty");
    if (metadata !== undefined) assertEqual(JSON.parse(JSON.stringify(metadata)), metadata, "metadata as JSON");
    for (const [name, tokens] of Object.entries(usage ?? {}))
      if (typeof tokens === "number") assert.ok(tokens >= 0, `usage.${name}: ${tokens}`);
  });

  it("describes two images at once", async ({ describe }) => {
    for (const answer of await Promise.all([describe(), describe()]))
      assert.notEqual((typeof answer === "string" ? answer : answer.text).trim(), "");
  });

  it("leaves the image as it was: the next attempt gets the same one", async ({ media, describe }) => {
    const { data } = await media.visionImage();
    const before = Buffer.from(data);
    await describe();
    assert.ok(before.equals(data), "the bytes of the image were changed");
  });

  it("reports progress as a fraction, if at all", async ({ describe }) => {
    const context = fakeContext();
    await describe(context);
    for (const fraction of context.progress) assert.ok(fraction >= 0 && fraction <= 1, `progress ${fraction}`);
  });

  it("hands on that the image cannot be read, and may not be tried again", async ({ ai, media }) => {
    const failure = new UploadError("The image is damaged", { code: "INVALID_MEDIA" });
    const fails = () => Promise.reject(failure);
    const broken = { ...media, visionImage: fails, frames: fails, bytes: fails, stream: fails, path: fails };
    const outcome = await inTime(
      ai.describe(broken, fakeContext()).then(() => null, retryableOf),
      withinMs,
      "describe",
    );
    // It may have answered: an adapter that sends a link to the original does not read it here.
    if (outcome !== null) assert.equal(outcome.retryable, false, "the error of the media has to be handed on as it is");
  });

  it("stops to describe when it is aborted", ({ ai, media }) => stops((context) => ai.describe(media, context)));

  if (!embeds) return;

  it("makes vectors of finite numbers, of the length that it says", async ({ ai, embed }) => {
    const vector = Array.from(await embed("A cat asleep on a keyboard"));
    assert.equal(vector.length, ai.dimensions ?? vector.length, "length of the vector, and `dimensions`");
    assert.ok(vector.every(Number.isFinite), "a vector has to be made of finite numbers");
    assert.ok(
      vector.some((component) => component !== 0),
      "a vector of zeros is like nothing, and like everything",
    );
  });

  it("makes vectors of one length: of the same text, and of any other", async ({ embed }) => {
    const text = "A cat asleep on a keyboard";
    const vectors = await Promise.all([embed(text), embed(text), embed("猫 🐈‍⬛\nein Käse, « déjà vu »")]);
    const lengths = vectors.map(({ length }) => length);
    assert.equal(new Set(lengths).size, 1, `lengths ${lengths.join(", ")}`);
  });

  it("makes the vectors of several texts in one call, in their order", async ({ ai, embedMany }) => {
    if (ai.embedMany === undefined) return;
    const texts = TEXTS.slice(0, ai.embedBatch?.maxSize);
    const vectors = await embedMany(texts);
    assert.equal(vectors.length, texts.length, "how many vectors there are, and texts");
    const alone: ArrayLike<number>[] = [];
    for (const text of texts) alone.push(...(await embedMany([text])));
    for (const [place, vector] of vectors.entries()) {
      const likeness = alone.map((each) => cosine(vector, each));
      const nearest = likeness.indexOf(Math.max(...likeness));
      assert.equal(nearest, place, "the vector of each text has to stand in the place of that text");
    }
  });

  it("stops to embed when it is aborted", ({ embed }) => stops((context) => embed("A cat", context)));

  /** Before it begins and while it works. Whether it rejects or has finished just then is all the same. */
  async function stops(call: (context: FakeContext) => Promise<unknown>): Promise<void> {
    for (const afterMs of [0, 1, 20]) {
      const controller = new AbortController();
      if (afterMs === 0) controller.abort();
      const settled = call(fakeContext({ signal: controller.signal })).then(ignore, ignore);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      controller.abort();
      await inTime(settled, abortWithinMs, "a call whose signal was aborted");
    }
  }
}

/** The calls of an adapter, none of which may hang. */
interface Calls<U extends UploadRecord> {
  readonly ai: AIAdapter<U>;
  readonly media: FakeMedia<U>;
  readonly describe: (context?: FakeContext) => ReturnType<AIAdapter<U>["describe"]>;
  /** As the library does: by `embedMany`, where there is one. */
  readonly embed: (text: string, context?: FakeContext) => Promise<ArrayLike<number>>;
  readonly embedMany: (texts: readonly string[], context?: FakeContext) => Promise<readonly ArrayLike<number>[]>;
}

function callsOf<U extends UploadRecord>(ai: AIAdapter<U>, media: FakeMedia<U>, withinMs: number): Calls<U> {
  const calls: Calls<U> = {
    ai,
    media,
    describe: (context = fakeContext()) => inTime(ai.describe(media, context), withinMs, "describe"),
    async embed(text, context = fakeContext()) {
      if (ai.embedMany !== undefined) return (await calls.embedMany([text], context))[0] ?? [];
      assert.ok(ai.embed, "embed has to be a function");
      const answer = await inTime(ai.embed({ text, media }, context), withinMs, "embed");
      return "vector" in answer ? answer.vector : answer;
    },
    async embedMany(texts, context = fakeContext()) {
      assert.ok(ai.embedMany, "embedMany has to be a function");
      const { upload } = media;
      const inputs = texts.map((text) => ({ text, upload }));
      const answer = await inTime(ai.embedMany(inputs, context), withinMs, "embedMany");
      assert.ok(Array.isArray(answer.vectors), "embedMany has to answer { vectors: […] }");
      return answer.vectors;
    },
  };
  return calls;
}

/** Unlike each other, so that a vector of one is nearest to its own, and in no order. */
const TEXTS = ["A rocket leaves its launch pad at night", "A cat asleep on a keyboard", "Eine Schale voller Kirschen"];

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const product = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, component, index) => sum + component * (y[index] ?? 0), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

const ignore = () => {};

const retryableOf = (error: unknown) => ({ retryable: (error as { retryable?: unknown } | null)?.retryable });
