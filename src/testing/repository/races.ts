import assert from "node:assert/strict";
import { setImmediate as immediate } from "node:timers/promises";
import type { UploadRecord } from "../../contracts/upload.js";
import { type Bench, LONG_MS, newRedo, PAST_SHORT_MS, SETTLED, type Setup, SHORT_MS } from "./fixture.js";
import { assertFields, idsOf } from "./records.js";

const HINT = "what a write is decided by has to be read in the same step, or under a lock";

/** How many uploads are raced for: an adapter that reads first, and then writes whatever there is by now, fails with some of them. */
const RACES = 20;

/** Two calls for one upload at once: one of them comes first, and the other one finds what that has left. */
export function testRaces<U extends UploadRecord>(
  { test }: Bench<U>,
  { claims, resets, batches }: { readonly claims: boolean; readonly resets: boolean; readonly batches: boolean },
): void {
  for (const settled of SETTLED) {
    const final = { status: settled, description: "A cat" };

    test(`without a claim, a write beside the final write "${settled}" does not reopen the upload`, async (setup) => {
      const { repository, read } = setup;
      const race = async (id: string, place: number) => {
        const late = () => repository.updateUpload(id, { status: "embedding", description: "late" });
        const [, outcome] = await atOnce(place, late, () => repository.updateUpload(id, final));
        assert.equal(outcome, "saved");
        assertFields(await read(id), final, HINT);
      };
      await Promise.all((await racers(setup, { status: "analyzing" })).map(race));
    });

    if (!claims) continue;
    test(`a write of the holder beside its final write "${settled}" does not reopen the upload`, async (setup) => {
      const { repository, granted, read } = setup;
      const race = async ({ id, fence }: Held, place: number) => {
        const claim = { fence, leaseMs: LONG_MS };
        const late = () => repository.updateUpload(id, { status: "embedding", description: "late" }, claim);
        const [, outcome] = await atOnce(place, late, () => repository.updateUpload(id, final, { fence }));
        assert.equal(outcome, "saved");
        assertFields(await read(id), final, HINT);
      };
      const held = (await racers(setup)).map(async (id) => ({ id, fence: (await granted(id)).fence }));
      await Promise.all((await Promise.all(held)).map(race));
    });
  }

  if (batches && resets)
    test("who sees what a reset has made pending sees its batch processing, too", async (setup) => {
      const { repository, reset, addUploads, newUpload, newBatch } = setup;
      for (let round = 0; round < 5; round++) {
        const batchId = await newBatch("completed");
        await addUploads([1, 2, 3].map(() => newUpload({ batchId, status: "failed" })));
        let resetting = true;
        const watch = async () => {
          while (resetting) {
            const { pending = 0 } = await repository.countUploads({ batchId });
            const batch = await repository.findBatch(batchId);
            if (pending > 0) assert.equal(batch?.status, "processing", "the batch belongs into the same transaction");
            await immediate(); // a store that has no need to wait would let nobody else go on
          }
        };
        const watchers = Promise.all([watch(), watch(), watch(), watch()]);
        watchers.catch(() => {}); // awaited below: until then, a rejection would count as one that nobody handles
        try {
          assert.equal(await reset({ batchId }, "retry", newRedo()), 3);
        } finally {
          resetting = false;
          await watchers;
        }
      }
    });

  if (!claims) return;

  test("a write beside a claim that takes over is seen by that claim, or is stale", async (setup) => {
    const { repository, granted, read, advance } = setup;
    const race = async ({ id, fence }: Held, place: number) => {
      const late = () => repository.updateUpload(id, { description: "late" }, { fence });
      const [outcome, { upload }] = await atOnce(place, late, () => granted(id));
      const description = outcome === "saved" ? "late" : null;
      assertFields(upload, { description }, HINT);
      assertFields(await read(id), { description, starts: 2 }, HINT);
    };
    const request = { leaseMs: SHORT_MS };
    const held = (await racers(setup)).map(async (id) => ({ id, fence: (await granted(id, request)).fence }));
    const all = await Promise.all(held);
    await advance(PAST_SHORT_MS);
    await Promise.all(all.map(race));
  });

  if (!resets) return;

  test("of an undo and a claim at once, one gets the upload", async (setup) => {
    const { reset, claim, read } = setup;
    const race = async (id: string, place: number) => {
      const undo = () => reset({ ids: [id] }, "undo", newRedo());
      const [count, { outcome }] = await atOnce(place, undo, () => claim(id));
      assert.equal(outcome, count === 1 ? "settled" : "claimed", HINT);
      assertFields(await read(id), { status: count === 1 ? "completed" : "analyzing" }, HINT);
    };
    await Promise.all((await racers(setup, { draft: { was: "completed", redo: newRedo() } })).map(race));
  });
}

interface Held {
  readonly id: string;
  readonly fence: number;
}

/** Starts both, of every second upload the other one first. */
async function atOnce<One, Other>(
  place: number,
  one: () => Promise<One>,
  other: () => Promise<Other>,
): Promise<readonly [One, Other]> {
  if (place % 2 === 0) return Promise.all([one(), other()]);
  const started = other();
  const [first, second] = await Promise.all([one(), started]);
  return [first, second];
}

async function racers<U extends UploadRecord>(
  { addUploads, newUpload }: Setup<U>,
  fields?: Partial<UploadRecord>,
): Promise<string[]> {
  const uploads = Array.from({ length: RACES }, () => newUpload(fields));
  await addUploads(uploads);
  return idsOf(uploads);
}
