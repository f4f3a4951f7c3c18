import { describe, expect, it } from "vitest";
import { UploadError, type UploadResult } from "../../src/index.js";
import { photo } from "../support/images.js";
import { hasFfmpeg, needsFfmpeg } from "../support/videos.js";
import { problemOf, problemOfThumbnail } from "./fuzz/case.js";
import { createCorpus } from "./fuzz/corpus.js";
import { fuzz } from "./fuzz/fuzz-run.js";
import { mutantOf } from "./fuzz/mutate.js";

const CASES = 3000;
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);

it(`media that are damaged at random end as what they are (FUZZ_SEED=${seed})`, { timeout: 300_000 }, async () => {
  const { cases, outcomes, failures } = await fuzz({ seed, from: 0, to: CASES, workers: 2 });
  const hint = `replay with: node --import tsx test/stress/fuzz.ts --kind images --seed ${seed} --case NUMBER`;
  expect(failures, hint).toEqual([]);
  expect(cases).toBe(CASES);
  // Mutations that leave nothing to decode, or change nothing, would prove little.
  expect(outcomes.completed).toBeGreaterThan(cases * 0.1);
  expect(outcomes.INVALID_MEDIA).toBeGreaterThan(cases * 0.3);
});

const VIDEO_CASES = Number(process.env.FUZZ_VIDEOS ?? 40);

it.skipIf(!hasFfmpeg)(`videos, too (FUZZ_SEED=${seed})${needsFfmpeg}`, { timeout: 300_000 }, async () => {
  const { cases, outcomes, failures } = await fuzz({ seed, kind: "videos", from: 0, to: VIDEO_CASES, workers: 2 });
  const hint = `replay with: node --import tsx test/stress/fuzz.ts --kind videos --seed ${seed} --case NUMBER`;
  expect(failures, hint).toEqual([]);
  expect(cases).toBe(VIDEO_CASES);
  expect(outcomes.completed).toBeGreaterThan(cases * 0.1);
  expect(outcomes.INVALID_MEDIA).toBeGreaterThan(cases * 0.1);
});

const HEIC_CASES = Number(process.env.FUZZ_HEIC ?? 300);

it(`HEIC, too (FUZZ_SEED=${seed})`, { timeout: 300_000 }, async () => {
  const { cases, outcomes, failures } = await fuzz({ seed, kind: "heic", from: 0, to: HEIC_CASES, workers: 2 });
  const hint = `replay with: node --import tsx test/stress/fuzz.ts --kind heic --seed ${seed} --case NUMBER`;
  expect(failures, hint).toEqual([]);
  expect(cases).toBe(HEIC_CASES);
  expect(outcomes.completed).toBeGreaterThan(cases * 0.05);
  expect(outcomes.INVALID_MEDIA).toBeGreaterThan(cases * 0.1);
});

describe("the fuzzing itself", () => {
  it("makes the same case of the same seed and number, and another of another", async () => {
    const [corpus, again] = [await createCorpus(), await createCorpus()];
    const mutants = (from: typeof corpus, seed: number) =>
      Array.from({ length: 200 }, (_, number) => mutantOf(from, seed, number).bytes.toString("base64"));
    const made = mutants(corpus, 7);
    expect(mutants(again, 7).join() === made.join()).toBe(true);
    expect(new Set(made).size).toBeGreaterThan(190);
    expect(mutants(corpus, 8).join() === made.join()).toBe(false);
    // The files that the mutations begin with stay as they are.
    expect(corpus.every(({ bytes }, index) => bytes.equals(again[index]?.bytes ?? Buffer.alloc(0)))).toBe(true);
  });

  it("tells which case took its process down, hung, or left a rejection unhandled, and goes on", async () => {
    const sabotage = { crash: 5, hang: 8, reject: 11 };
    const { cases, failures } = await fuzz({ seed: 1, from: 0, to: 16, workers: 2, hangMs: 5000, sabotage });
    expect(cases).toBe(16);
    expect(failures).toEqual([
      { number: 5, problem: expect.stringMatching(/SIGSEGV/) },
      { number: 8, problem: "it hung" },
      { number: 11, problem: expect.stringMatching(/unhandled rejection.*nobody cares/) },
    ]);
  });

  const failed = (message: string, options: ConstructorParameters<typeof UploadError>[1]) =>
    ({
      status: "failed",
      attempts: 1,
      warnings: [],
      error: new UploadError(message, options),
    }) as unknown as UploadResult;

  it.each([
    ["a code that blames something else", failed("x", { code: "DESCRIBE_FAILED" }), /DESCRIBE_FAILED/],
    ["a stage that took too long", failed("x", { code: "STAGE_TIMEOUT" }), /STAGE_TIMEOUT/],
    ["an error that would be tried again", failed("x", { code: "INVALID_MEDIA", retryable: true }), /retryable/],
    ["a message that tells a path", failed("in secret/place", { code: "INVALID_MEDIA" }), /a path is told/],
    ["a second attempt", { ...failed("x", { code: "INVALID_MEDIA" }), attempts: 2 } as UploadResult, /2 attempts/],
    ["another outcome", { status: "aborted" } as UploadResult, /aborted/],
  ])("objects to %s", (_, result, problem) => {
    expect(problemOf(result, ["secret/place"])).toMatch(problem);
  });

  it("objects to a thumbnail that is missing, damaged or too large, and to nothing else", async () => {
    expect(problemOf(failed("x", { code: "INVALID_MEDIA" }), ["secret/place"])).toBeUndefined();
    expect(await problemOfThumbnail(undefined)).toMatch(/without a thumbnail/);
    expect(await problemOfThumbnail(photo("rocket.jpg").subarray(0, 5000))).toMatch(/cannot be decoded/);
    expect(await problemOfThumbnail(photo("rocket.jpg"))).toMatch(/640 × 427/);
  });
});
