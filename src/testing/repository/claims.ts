import assert from "node:assert/strict";
import type { UploadRecord } from "../../contracts/upload.js";
import { assertEqual } from "../assert-equal.js";
import { type Bench, LONG_MS, OPEN, PAST_SHORT_MS, SETTLED, SHORT_MS } from "./fixture.js";
import { assertFields, checkpoints, ERROR, everyField, NO_ERROR } from "./records.js";

/** Who gets an upload, and what becomes of it. */
export function testClaims<U extends UploadRecord>({ test }: Bench<U>): void {
  test('a claim of an upload that is not there is answered "deleted"', async (setup) => {
    const { claim, add, deleteUpload, unknownIds } = setup;
    for (const unknown of unknownIds()) assertEqual(await claim(unknown), { outcome: "deleted" });
    const id = await add();
    await deleteUpload(id);
    assertEqual(await claim(id), { outcome: "deleted" });
  });

  for (const status of OPEN) {
    test(`a claim takes an upload that is ${status} and not held`, async ({ granted, add, read, vector }) => {
      const draft = { was: "completed", redo: "redo-1", description: "A dog" } as const;
      const fields = { ...checkpoints(vector()), fileName: "cat.jpg", draft };
      const id = await add({ status, ...fields, ...ERROR, starts: 2 });
      const { upload, fence } = await granted(id);
      assert.ok(Number.isSafeInteger(fence), "a fence has to be an integer");
      const expected = { id, ...fields, ...NO_ERROR, status: "analyzing" as const, starts: 3 };
      assertFields(upload, expected);
      assertFields(await read(id), expected);
    });
  }

  for (const status of SETTLED) {
    test(`a claim passes over an upload that is ${status}`, async ({ claim, add, read, vector }) => {
      const fields = { status, ...checkpoints(vector()), ...ERROR, starts: 0 };
      const id = await add(fields);
      const answer = await claim(id);
      assert.equal(answer.outcome, "settled");
      assertFields(answer.upload, { id, ...fields });
      assertFields(await read(id), fields);
    });
  }

  test("a claim answers with every field, of an upload that it takes and of one that it passes over", async (setup) => {
    const upload = await everyField(setup);
    const settled = await setup.claim(upload.id);
    assert.equal(settled.outcome, "settled");
    assertFields(settled.upload, upload);
    await setup.repository.updateUpload(upload.id, { status: "pending" });
    const { upload: taken } = await setup.granted(upload.id);
    assertFields(taken, { ...upload, ...NO_ERROR, status: "analyzing", starts: 3 });
  });

  test("a claim that is refused does not renew the lease of the holder", async ({ claim, granted, add, advance }) => {
    const id = await add();
    await granted(id, { leaseMs: SHORT_MS });
    // On a machine that is busy the lease may be over by now.
    if ((await claim(id)).outcome !== "busy") return;
    await advance(PAST_SHORT_MS);
    await granted(id);
  });

  test("a claim leaves alone what somebody holds, and tells for how long", async (setup) => {
    const { repository, claim, granted, add, read, vector } = setup;
    const id = await add(checkpoints(vector()));
    const { fence } = await granted(id);
    const answer = await claim(id);
    assert.equal(answer.outcome, "busy");
    if (answer.retryAfterMs !== undefined) {
      assert.ok(answer.retryAfterMs > LONG_MS / 2, `${answer.retryAfterMs} ms is less than what is left of the lease`);
      assert.ok(answer.retryAfterMs <= LONG_MS + 1, `${answer.retryAfterMs} ms is more than the lease`);
    }
    assertFields(await read(id), { status: "analyzing", starts: 1, ...checkpoints(vector()) });
    assert.equal(await repository.updateUpload(id, {}, { fence }), "saved");
  });

  test("a claim takes over when the lease has run out, with all checkpoints", async (setup) => {
    const { repository, granted, add, read, vector, advance } = setup;
    const id = await add();
    const first = await granted(id, { leaseMs: SHORT_MS });
    const kept = { status: "embedding" as const, thumbnailKey: "t", description: "A cat", aiVersion: "1" };
    await repository.updateUpload(id, { ...kept, embedding: vector() }, { fence: first.fence });
    await advance(PAST_SHORT_MS);
    const second = await granted(id);
    assert.ok(second.fence > first.fence, "the fence has to increase");
    assertFields(second.upload, { ...kept, embedding: vector(), status: "analyzing", starts: 2 });
    assertFields(await read(id), { ...kept, embedding: vector(), status: "analyzing", starts: 2 });
  });

  test("starts that have no value yet count as 0", async ({ granted, add }) => {
    const id = await add({ starts: null });
    assertFields((await granted(id)).upload, { starts: 1 });
  });

  test("starts count the claims that were neither settled nor released", async (setup) => {
    const { repository, granted, add, advance } = setup;
    const id = await add();
    for (const starts of [1, 2, 3]) {
      assertFields((await granted(id, { leaseMs: SHORT_MS })).upload, { starts });
      await advance(PAST_SHORT_MS);
    }
    const { fence, upload } = await granted(id);
    assertFields(upload, { starts: 4 });
    await repository.updateUpload(id, { status: "pending", starts: 0 }, { fence });
    assertFields((await granted(id)).upload, { starts: 1 });
  });

  test("of 100 claims at once, one is granted", async ({ claim, add, read }) => {
    const id = await add();
    const answers = await Promise.all(Array.from({ length: 100 }, () => claim(id)));
    const outcomes = answers.map(({ outcome }) => outcome);
    assert.equal(outcomes.filter((outcome) => outcome === "claimed").length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === "busy").length, 99);
    assertFields(await read(id), { status: "analyzing", starts: 1 });
  });

  test("of 20 claims at once for a lease that has run out, one is granted", async (setup) => {
    const { claim, granted, add, read, advance } = setup;
    const id = await add();
    await granted(id, { leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    const answers = await Promise.all(Array.from({ length: 20 }, () => claim(id)));
    assert.equal(answers.filter(({ outcome }) => outcome === "claimed").length, 1);
    assertFields(await read(id), { starts: 2 });
  });

  test("fences of one upload strictly increase, whatever happens to it", async (setup) => {
    const { repository, granted, add, advance } = setup;
    const id = await add();
    const fences: number[] = [];
    const take = async (request?: Parameters<typeof granted>[1]) => {
      const { fence } = await granted(id, request);
      fences.push(fence);
      return { fence };
    };
    await repository.updateUpload(id, { status: "pending", starts: 0 }, await take());
    for (const status of SETTLED) {
      await repository.updateUpload(id, { status }, await take());
      await repository.updateUpload(id, { status: "pending" });
    }
    await take({ leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    await take();
    fences.slice(1).forEach((fence, index) => {
      assert.ok(fence > (fences[index] ?? fence), `fences ${fences.join(", ")} have to increase`);
    });
  });
}
