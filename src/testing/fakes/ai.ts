import type { AIAdapter } from "../../contracts/ai.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { requireKnown, requireMembers } from "../../validate.js";
import { randomFrom } from "../random.js";
import { type FakeControls, fake } from "./fake.js";

interface WholeAI<U extends UploadRecord> extends AIAdapter<U> {
  readonly embed: NonNullable<AIAdapter<U>["embed"]>;
  readonly dimensions: number;
  readonly version: string;
}

export type FakeAI<U extends UploadRecord = UploadRecord> = WholeAI<U> & FakeControls<WholeAI<U>>;

export interface FakeAIOptions {
  /** The length of the vectors. @default 8 */
  readonly dimensions?: number | undefined;
  /** @default "fake-ai-1" */
  readonly version?: string | undefined;
  /** The clock by which calls are recorded, in milliseconds. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * An AI adapter without a model that records its calls, and does what a script says. By itself it describes an upload by its
 * name, and makes a unit vector of a text: the same one for the same text.
 *
 * @throws ConfigurationError an option that is unknown
 * @example
 * const ai = fakeAI();
 * ai.script.describe.throws(Object.assign(new Error("overloaded"), { status: 503 })).returns("A cat on a keyboard");
 * const result = await processUploadWithRetry(upload, { storage: fakeStorage(), ai, repository });
 * assert.equal(result.status, "completed");
 * assert.equal(ai.calls.filter(({ method }) => method === "describe").length, 2);
 */
export function fakeAI<U extends UploadRecord = UploadRecord>(options: FakeAIOptions = {}): FakeAI<U> {
  requireMembers("fakeAI", options, []);
  requireKnown("fakeAI", options, ["dimensions", "version", "now"]);
  const { dimensions = 8, version = "fake-ai-1", now } = options;
  const adapter: WholeAI<U> = {
    dimensions,
    version,
    async describe({ upload, kind }, { signal }) {
      signal.throwIfAborted();
      return `${kind === "video" ? "A video" : "A photo"} called ${upload.fileName ?? upload.id}`;
    },
    async embed({ text }, { signal }) {
      signal.throwIfAborted();
      return vectorOf(text, dimensions);
    },
  };
  return fake(adapter, now);
}

function vectorOf(text: string, dimensions: number): number[] {
  const random = randomFrom(text);
  const vector = Array.from({ length: dimensions }, () => random() * 2 - 1);
  const length = Math.hypot(...vector) || 1;
  return vector.map((component) => component / length);
}
