import { describe, expect, test, vi } from "vitest";
import type { Ask, AskRequest } from "../../src/adapters/models/ask.js";
import { saysItIsBlind } from "../../src/adapters/models/blind-model.js";
import { mediaDescriber } from "../../src/adapters/models/describe-media.js";
import { priceOf } from "../../src/adapters/models/price.js";
import { readStructured } from "../../src/adapters/models/structured.js";
import { textProgress } from "../../src/adapters/models/text-progress.js";
import { withoutThinking } from "../../src/adapters/models/thinking.js";
import type { Description, Media } from "../../src/index.js";
import { type FakeContext, fakeContext, fakeMedia } from "../../src/testing/index.js";

const frame = (timeSeconds: number) => ({
  data: new Uint8Array([timeSeconds]),
  mimeType: "image/jpeg",
  width: 64,
  height: 48,
  timeSeconds,
});
const video = (...times: number[]): Media => {
  return { ...fakeMedia(undefined, { mimeType: "video/mp4" }), frames: async () => times.map(frame) };
};
const usage = { inputTokens: 10, outputTokens: 2 };

/** A model that says which frames it was shown, unless it is told what to do. */
function model(answers: Readonly<Record<number, () => Description | Promise<Description>>> = {}) {
  const asked: AskRequest[] = [];
  const ask: Ask = async (request) => {
    asked.push(request);
    const special = answers[asked.length - 1];
    if (special !== undefined) return special();
    request.onText(100, "A cat");
    const text = request.images.length === 0 ? "the whole" : `${request.images.map(({ data }) => data[0])}`;
    return { text, usage };
  };
  return { ask, asked };
}

const failing = (more: object = {}) => {
  return () => Promise.reject(Object.assign(new Error("busy"), { status: 503 }, more));
};

describe("an image", () => {
  test("is one question: the prompt, the image, and progress that never says that it is done", async () => {
    const { ask, asked } = model();
    const context = fakeContext();
    const describe = mediaDescriber({ prompt: "What is it?", video: undefined, ask });
    const answer = await describe(fakeMedia(), context);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ prompt: "What is it?", ask: 1, images: [{ width: 64 }] });
    expect(answer).toMatchObject({ prompt: "What is it?", usage: { ...usage, images: 1 } });
    expect(context.progress).toEqual([expect.closeTo(0.2)]);
  });

  test("the prompt may be made of the media, and is another one when it is asked for again", async () => {
    const { ask, asked } = model();
    const prompt = vi.fn(async (media: Media) => `What is on ${media.upload.id}?`);
    const describe = mediaDescriber({ prompt, video: undefined, ask });
    await describe(fakeMedia(), fakeContext());
    await describe(fakeMedia(), { ...fakeContext(), ask: 2 });
    expect(asked[0]?.prompt).toBe("What is on upload-1?");
    expect(asked[1]?.prompt).toMatch(/^What is on upload-1\?\n\nAn earlier answer/);
    expect(asked[1]?.ask).toBe(2);
  });

  test("without a prompt it is told what it is", async () => {
    const { ask, asked } = model();
    await mediaDescriber({ prompt: undefined, video: undefined, ask })(fakeMedia(), fakeContext());
    expect(asked[0]?.prompt).toMatch(/^Describe this image/);
  });
});

describe("a video, frame by frame", () => {
  const perFrame = (ask: Ask) => mediaDescriber({ prompt: "Describe.", video: undefined, ask });

  test("is a question for each, and one in words over all of them", async () => {
    const { ask, asked } = model();
    const context = fakeContext();
    const answer = await perFrame(ask)(video(0, 4.25, 9), context);
    expect(asked.map(({ images }) => images.length)).toEqual([1, 1, 1, 0]);
    expect(asked[1]?.prompt).toContain("taken at 4.3 s");
    expect(asked[3]?.prompt).toContain("At 0 s: 0\n\nAt 4.3 s: 4\n\nAt 9 s: 9");
    expect(answer).toEqual({
      text: "the whole",
      prompt: "Describe.",
      usage: { inputTokens: 40, outputTokens: 8, requests: 4, images: 3 },
    });
    expect(context.progress).toEqual(context.progress.toSorted((a, b) => a - b));
    expect(context.progress.at(-1)).toBeLessThan(1);
    expect(context.progress).toContain(0.75);
  });

  test("the next attempt goes on behind the frames that were described, and pays for no more than that", async () => {
    const { ask, asked } = model({ 2: failing({ usage: { inputTokens: 7 } }) });
    const describe = perFrame(ask);
    const media = video(1, 2, 3);
    const first = await describe(media, fakeContext()).catch((error: unknown) => error);
    expect(first).toMatchObject({
      status: 503,
      usage: { inputTokens: 27, outputTokens: 4, requests: 3, images: 2 },
    });
    const second = await describe(media, fakeContext()).catch((error: unknown) => error);
    expect(asked.slice(3).map(({ images }) => images[0]?.data[0])).toEqual([3, undefined]);
    expect(second).toMatchObject({ text: "the whole", usage: { inputTokens: 20, requests: 2, images: 1 } });
  });

  test("a synthesis that failed is made again alone, and so is one that did not pass its audit", async () => {
    const { ask, asked } = model({ 2: failing() });
    const describe = perFrame(ask);
    const media = video(1, 2);
    await describe(media, fakeContext()).catch(() => {});
    expect(await describe(media, { ...fakeContext(), ask: 2 })).toMatchObject({ usage: { requests: 1 } });
    expect(asked).toHaveLength(4);
    expect(asked[3]).toMatchObject({ images: [], prompt: expect.stringContaining("An earlier answer") });
  });

  test("what another adapter has described is not taken for its own", async () => {
    const media = video(1, 2);
    const [one, other] = [model(), model()];
    await perFrame(one.ask)(media, fakeContext());
    await perFrame(other.ask)(media, fakeContext());
    expect(other.asked).toHaveLength(3);
  });

  test("a frame that is refused ends it: nothing more is paid for", async () => {
    const { ask, asked } = model({ 1: () => ({ text: "", finish: "refused", usage }) });
    const answer = await perFrame(ask)(video(1, 2, 3), fakeContext());
    expect(answer).toMatchObject({ finish: "refused", usage: { requests: 2 } });
    expect(asked).toHaveLength(2);
  });

  test("a frame without an answer is left out; when none has one, the last says why", async () => {
    const empty = () => ({ text: " ", usage });
    const some = model({ 0: empty });
    expect(await perFrame(some.ask)(video(1, 2), fakeContext())).toMatchObject({ text: "the whole" });
    expect(some.asked[2]?.prompt).not.toContain("At 1 s");
    const cutOff = () => ({ text: "", finish: "length" as const, usage });
    const none = model({ 0: empty, 1: cutOff });
    expect(await perFrame(none.ask)(video(1, 2), fakeContext())).toMatchObject({ text: "", finish: "length" });
    expect(none.asked).toHaveLength(2);
  });

  test("an abort between two frames ends it, with what was paid; the reason of the signal stays as it is", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const { ask, asked } = model({
      0: () => {
        controller.abort(reason);
        return { text: "1", usage };
      },
    });
    const failure = await perFrame(ask)(video(1, 2), fakeContext({ signal: controller.signal })).catch(
      (error: unknown) => error,
    );
    expect(asked).toHaveLength(1);
    expect(failure).toMatchObject({ cause: reason, usage: { requests: 1, inputTokens: 10 } });
    expect(reason).not.toHaveProperty("usage");
  });
});

describe("a video in one call", () => {
  test("shows all frames, with their times", async () => {
    const { ask, asked } = model();
    await mediaDescriber({ prompt: "Describe.", video: "one-call", ask })(video(0, 5), fakeContext());
    expect(asked).toHaveLength(1);
    expect(asked[0]?.images).toHaveLength(2);
    expect(asked[0]?.prompt).toContain("taken at 0 s, 5 s");
  });

  test("so is a video of one frame", async () => {
    const { ask, asked } = model();
    await mediaDescriber({ prompt: "Describe.", video: undefined, ask })(video(3), fakeContext());
    expect(asked).toHaveLength(1);
  });
});

test("the progress of a text approaches its end and never reaches it", () => {
  const told: number[] = [];
  const progress: FakeContext["reportProgress"] = (fraction) => void told.push(fraction);
  const onText = textProgress(progress, { from: 0.5, to: 0.75, reportText: false });
  for (const characters of [0, 1, 400, 1_000_000]) onText(characters, "");
  expect(told).toEqual([expect.closeTo(0.5006, 3), 0.625, expect.closeTo(0.7499, 3)]);
  expect(told.at(-1)).toBeLessThan(0.75);
});

test("the text so far is told where it is asked for, but no JSON and no thinking", () => {
  const told: unknown[] = [];
  const onText = textProgress((_, ...message) => void told.push(message), { reportText: true });
  for (const text of ["", "\nA cat", '{"description": "A', "```json", "<think>A cat? ", " [1"]) onText(10, text);
  expect(told).toEqual([[], ["A cat"], [], [], [], []]);
});

test("of a video the text of the whole is told, and not that of its frames", async () => {
  const { ask } = model();
  const told: unknown[] = [];
  const reportProgress: FakeContext["reportProgress"] = (_, message) => void told.push(message);
  const describe = mediaDescriber({ prompt: "Describe.", video: undefined, reportText: true, ask });
  await describe(video(1, 2), { ...fakeContext(), reportProgress });
  expect(told.filter((message) => message !== undefined)).toEqual(["A cat"]);
});

test.each([
  ["A cat.", "A cat."],
  ["<think>hm</think>A cat.", "A cat."],
  [" <THINK>\nhm\n</think>\n\n<reasoning>x</reasoning> A cat.\n", "A cat."],
  ["<think>hm", ""],
  ["<think></think>", ""],
  ["The template opened it.\n</think>\n\nA cat.", "A cat."],
  ["A sign that says </think> on a wall", "A sign that says </think> on a wall"],
  ["A cat <think>not at the beginning</think>", "A cat <think>not at the beginning</think>"],
  ["<think>x</think><thought>y", ""],
  ["<think>İİİİ</think>A cat.", "A cat."], // in lower case these letters are longer
])("reasoning is removed: %j", (text, expected) => {
  expect(withoutThinking(text)).toBe(expected);
});

test.each([
  ["<think></think>", "A cat."],
  ["<think>", ""],
  ["\n</think", "A cat."],
  ["\n\t \t", "A cat."],
])("reasoning is removed in a time that grows with its length alone, or this would not end: %j", (piece, expected) => {
  const text = withoutThinking(`${piece.repeat(300_000)}A cat.`);
  expect(text.slice(-6)).toBe(expected);
});

test.each([
  "Invalid content type. image_url is only supported by certain models.",
  "No endpoints found that support image input",
  "this model does not support image input",
  "acme-1 does not support images.",
  "llama3.2 does not support vision",
  "The model doesn't accept any pictures",
  "acme-1 is not a multimodal model",
  "this model is missing data required for image input",
])("a model that cannot see is known by what it says: %s", (message) => {
  expect(saysItIsBlind(new Error(message))).toBe(true);
  const responseBody = JSON.stringify({ error: { message } });
  expect(saysItIsBlind(Object.assign(new Error("Bad Request"), { responseBody }))).toBe(true);
  // What a filter says is about this content.
  expect(saysItIsBlind(Object.assign(new Error(message), { status: 400, code: "content_filter" }))).toBe(false);
});

test.each([
  "This model does not support images larger than 20 MB",
  "The service does not support image/heic",
  "We do not accept images that show weapons",
  "The endpoint does not support image URLs",
  "The model does not take images in this format",
  "The model does not support image inputs of more than 4096 pixels",
  "internal server error",
])("a model that takes no such picture is not taken for one that cannot see: %s", (message) => {
  expect(saysItIsBlind(new Error(message))).toBe(false);
});

test.each([
  ["A cat.", { text: "A cat." }],
  ['{"description":"A cat.","tags":["cat"]}', { text: "A cat.", metadata: { tags: ["cat"] } }],
  ['{"description":" ","caption":"A cat."}', { text: "A cat.", metadata: { description: " " } }],
  ['{"text":"A cat."}', { text: "A cat." }],
  ['{"description":"A cat.","redo":"x","media":1,"usage":2,"audit":3,"model":4}', { text: "A cat." }],
  ['```json\n{"caption":"A cat."}\n```', { text: "A cat." }],
  ['```\n{"caption":"A cat."}', { text: "A cat." }],
  ["```js\nlet a\n```", { text: "```js\nlet a\n```" }],
  ['{"tags":["cat"]}', { text: '{"tags":["cat"]}' }],
  ['["A cat."]', { text: '["A cat."]' }],
  ['{"description": "A \\"cat\\".", "tags": [', { text: 'A "cat".' }],
  ['{"description": "A c', { text: '{"description": "A c' }],
  ['The label says {"text":"5"}', { text: 'The label says {"text":"5"}' }],
])("JSON is read: %j", (text, expected) => {
  expect(readStructured(text)).toEqual(expected);
});

test("broken JSON is read in a time that grows with its length alone: or this would not end within its limit", () => {
  for (const piece of ['\\"', '"text" ', '"text":', '"text":"\\']) {
    const text = `{"description": "${piece.repeat(300_000)}`;
    expect(readStructured(text).text.length).toBeGreaterThan(0);
  }
});

test("prices are for a million tokens, and null where a service does not tell them", () => {
  const price = priceOf({ input: 2, output: 10, embed: 0.5 });
  expect(price?.({ inputTokens: 1000, outputTokens: 100 }, "describe")).toBeCloseTo(0.003);
  expect(price?.({ inputTokens: 1000 }, "embed")).toBeCloseTo(0.0005);
  expect(price?.({ totalTokens: 1000 }, "embed")).toBeCloseTo(0.0005);
  expect(price?.({ inputTokens: 1000 }, "describe")).toBeNull();
  expect(priceOf({ input: 2, output: 10 })?.({ inputTokens: 1000 }, "embed")).toBeNull();
  const own = () => 1;
  expect(priceOf(own)).toBe(own);
  expect(priceOf(undefined)).toBeUndefined();
});
