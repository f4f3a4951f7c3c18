import assert from "node:assert/strict";
import type { UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, newRedo, type Setup, STATUSES } from "./fixture.js";
import { idsOf } from "./records.js";

/** Places that a selection may name: of a stage of the user's, of renditions, and one whose name is a number. */
const PLACES = [
  "palette",
  "dominant-colour",
  "media.renditions.large",
  "media.renditions.square-crop",
  "sizes.640",
  "sizes.0",
];

/** All of these are something. */
const VALUES = [{ key: "thumbnails/1.jpg" }, {}, ["cat"], [], "cat", "", "null", 7, 0, true, false];

/** Uploads that lack a place in their metadata, as those from before a stage was added: an object is there, `null` is not. */
export function testMissing<U extends UploadRecord>(
  { test }: Bench<U>,
  { resets }: { readonly resets: boolean },
): void {
  for (const place of PLACES) {
    test(`uploads are listed and counted by what is missing at metadata.${place}`, async (setup) => {
      const { batchId, lacking } = await variety(setup, place);
      const selection = { batchId, missing: [`metadata.${place}`] } as const;
      assertEqual(idsOf(await setup.repository.listUploads(selection, { limit: 1000 })), lacking);
      const counts = await setup.repository.countUploads(selection);
      assert.equal(
        STATUSES.reduce((sum, status) => sum + (counts[status] ?? 0), 0),
        lacking.length,
      );
    });

    if (!resets) continue;
    test(`uploads are reset by what is missing at metadata.${place}`, async (setup) => {
      const { batchId, lacking } = await variety(setup, place);
      const selection = { batchId, statuses: ["completed"], missing: [`metadata.${place}`] } as const;
      assert.equal(await setup.reset(selection, "retry", newRedo()), lacking.length);
      const pending = await setup.repository.listUploads({ batchId, statuses: ["pending"] }, { limit: 1000 });
      assertEqual(idsOf(pending), lacking);
    });
  }

  test("uploads are listed by any of several things that are missing", async (setup) => {
    const batchId = await setup.newBatch();
    const ids: string[] = [];
    for (const metadata of [{ one: 1 }, { two: 2 }, { one: 1, two: 2 }, null])
      ids.push(await setup.add({ batchId, metadata, thumbnailKey: "thumbnails/1.jpg" }));
    const missing = ["thumbnailKey", "metadata.one", "metadata.two"] as const;
    const found = await setup.repository.listUploads({ batchId, missing }, { limit: 10 });
    assertEqual(idsOf(found), [ids[0], ids[1], ids[3]]);
  });
}

async function variety<U extends UploadRecord>({ addUploads, newUpload, newBatch }: Setup<U>, place: string) {
  const batchId = await newBatch();
  const path = place.split(".");
  const [first = ""] = path;
  const upload = (metadata: Record<string, unknown> | null) =>
    newUpload({ batchId, status: "completed", description: "A cat", metadata });
  const having = VALUES.map((value) => upload({ camera: "X100", ...at(path, value) }));
  const lacking = [
    upload(null),
    upload({}),
    upload({ camera: "X100" }),
    upload(at(path, null)),
    upload(at([...path.slice(0, -1), "other"], { key: "thumbnails/1.jpg" })),
    upload(at([first.toUpperCase(), ...path.slice(1)], "cat")),
    ...(path.length > 1 ? [null, "cat", ["cat"], 7, {}].map((value) => upload({ [first]: value })) : []),
  ];
  await addUploads([...having, ...lacking, newUpload({ batchId: await newBatch(), status: "completed" })]);
  return { batchId, lacking: idsOf(lacking) };
}

/** An object with a value at a place. */
function at(path: readonly string[], value: unknown): Record<string, unknown> {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>;
}
