import sharp from "sharp";
import { expect, it } from "vitest";
import { decodeHeard } from "../../src/media/heard.js";
import { makeThumbnail } from "../../src/media/thumbnail.js";
import { segment } from "../support/formats/jpeg-kinds.js";
import { photo } from "../support/images.js";

const settings = { size: 64, format: "jpeg", quality: 80, background: "#ffffff" } as const;
const rocket = photo("rocket.jpg");

/** A copy that says it is of a later JFIF than libjpeg knows: it warns of that, and shows all of the picture. */
const ofLaterJfif = Buffer.concat([
  rocket.subarray(0, 2),
  segment(0xe0, Buffer.from([0x4a, 0x46, 0x49, 0x46, 0, 9, 2, 0, 0, 1, 0, 1, 0, 0])),
  rocket.subarray(2),
]);

/** A copy with bytes in its picture that are no code. */
const damaged = Buffer.from(rocket);
for (let at = 0; at < 400; at++) damaged[20_000 + at] = (at * 7919) & 0xff;

const outcomeOf = (input: Buffer) =>
  makeThumbnail({ input, mimeType: "image/jpeg" }, settings).then(
    () => "shown",
    (error) => `${error.code}: ${error.message}`,
  );

const REASON =
  "INVALID_MEDIA: The image (image/jpeg) is damaged: VipsJpeg: Corrupt JPEG data: premature end of data segment";

it("goes by what the decoder says of this image, however many others are decoded at once", {
  timeout: 120_000,
}, async () => {
  const kinds = { ofLaterJfif, damaged, rocket, small: await sharp(rocket).resize(100).jpeg().toBuffer() };
  const outcomes: Record<string, Set<string>> = {};
  const left = Array.from({ length: 50 }, () => Object.entries(kinds)).flat();
  const lane = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [name, input] = next;
      outcomes[name] ??= new Set();
      outcomes[name].add(await outcomeOf(input));
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  expect(outcomes).toEqual({
    ...{ ofLaterJfif: new Set(["shown"]), damaged: new Set([REASON]), rocket: new Set(["shown"]) },
    small: new Set(["shown"]),
  });
});

it("asks again where the application, which uses sharp itself, has taken the words, but not for ever", async () => {
  const SILENT = "Warning treated as error due to failOn setting";
  const heardOf = async (...messages: string[]) => {
    let calls = 0;
    const work = async (requireHeard: (thrown: unknown) => void) => {
      const error = new Error(messages[Math.min(calls++, messages.length - 1)]);
      requireHeard(error);
      throw error;
    };
    return { said: (await decodeHeard(work).catch((error) => error)).message, calls };
  };
  expect(await heardOf("the reason")).toEqual({ said: "the reason", calls: 1 });
  expect(await heardOf(SILENT, "Unknown error", "the reason")).toEqual({ said: "the reason", calls: 3 });
  expect(await heardOf(SILENT)).toEqual({ said: SILENT, calls: 4 });
});
