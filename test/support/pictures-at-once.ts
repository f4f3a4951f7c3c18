import type { PicturesMade, PicturesWanted } from "../../src/media/pictures.js";

/**
 * In place of what decodes, for tests with a fake clock: decoding takes real time, in threads that no fake clock can stop.
 *
 *     vi.mock("../../src/media/pictures.ts", () => import("../support/pictures-at-once.js"));
 */
export async function makePictures(_source: unknown, { pictures }: PicturesWanted): Promise<PicturesMade> {
  return {
    pictures: pictures.map(() => ({ data: Buffer.alloc(1), contentType: "image/jpeg", width: 1, height: 1 })),
  };
}
