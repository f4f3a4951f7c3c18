import assert from "node:assert/strict";
import type { UploadRecord } from "../../contracts/upload.js";
import { type Bench, LONG_MS, PAST_SHORT_MS, SETTLED, SHORT_MS, STATUSES } from "./fixture.js";
import { assertFields, assertUnchanged, checkpoints, ERROR } from "./records.js";

/** Writing with a claim: what is taken, what comes too late, and what becomes of the lease. */
export function testFencedWrites<U extends UploadRecord>({ test }: Bench<U>): void {
  test("a write of the holder changes its columns alone", async ({ repository, granted, add, read, vector }) => {
    const before = checkpoints(vector());
    const id = await add({ ...before, fileName: "cat.jpg" });
    const { fence } = await granted(id);
    const changes = { status: "embedding" as const, description: "A dog" };
    const write = { ...changes, metadata: { media: { width: 1 } } };
    assert.equal(await repository.updateUpload(id, write, { fence, leaseMs: LONG_MS }), "saved");
    const metadata = { ...before.metadata, media: { width: 1 } };
    assertFields(await read(id), { ...before, fileName: "cat.jpg", ...changes, metadata, starts: 1 });
  });

  test("a heartbeat without changes renews the lease and nothing else", async (setup) => {
    const { repository, claim, granted, add, read, vector, advance } = setup;
    const id = await add(checkpoints(vector()));
    const { fence, upload } = await granted(id, { leaseMs: SHORT_MS });
    assert.equal(await repository.updateUpload(id, {}, { fence, leaseMs: LONG_MS }), "saved");
    await advance(PAST_SHORT_MS);
    assert.equal((await claim(id)).outcome, "busy");
    assertUnchanged(await read(id), upload);
  });

  test("a write without leaseMs does not renew the lease", async ({ repository, granted, add, advance }) => {
    const id = await add();
    const { fence } = await granted(id, { leaseMs: SHORT_MS });
    assert.equal(await repository.updateUpload(id, { status: "embedding" }, { fence }), "saved");
    await advance(PAST_SHORT_MS);
    await granted(id);
  });

  test("a write without leaseMs does not end the lease", async ({ repository, claim, granted, add }) => {
    const id = await add();
    const { fence } = await granted(id);
    assert.equal(await repository.updateUpload(id, { status: "embedding" }, { fence }), "saved");
    assert.equal((await claim(id)).outcome, "busy");
  });

  test("a holder whose lease ran out may go on until somebody else takes over", async (setup) => {
    const { repository, claim, granted, add, advance } = setup;
    const id = await add();
    const { fence } = await granted(id, { leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    assert.equal(await repository.updateUpload(id, { description: "A cat" }, { fence, leaseMs: LONG_MS }), "saved");
    assert.equal((await claim(id)).outcome, "busy");
  });

  test("a write with an old fence is stale, whatever it says, and writes nothing", async (setup) => {
    const { repository, granted, add, read, advance } = setup;
    const id = await add({ description: "A cat" });
    const old = await granted(id, { leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    const { fence, upload } = await granted(id);
    const claim = { fence: old.fence, leaseMs: LONG_MS };
    assert.equal(await repository.updateUpload(id, {}, claim), "stale");
    assert.equal(await repository.updateUpload(id, { description: "late" }, claim), "stale");
    for (const status of STATUSES)
      assert.equal(await repository.updateUpload(id, { status, description: "late" }, claim), "stale", status);
    assertUnchanged(await read(id), upload);
    assert.equal(await repository.updateUpload(id, { status: "completed" }, { fence }), "saved");
  });

  test("a write with a fence that was never granted is stale", async ({ repository, granted, add, read }) => {
    const id = await add();
    const { fence, upload } = await granted(id);
    for (const wrong of [fence - 1, fence + 1, fence + 1000])
      assert.equal(await repository.updateUpload(id, { description: "wrong" }, { fence: wrong }), "stale");
    assertUnchanged(await read(id), upload);
  });

  test("a stale heartbeat does not renew the lease of the new holder", async ({
    repository,
    granted,
    add,
    advance,
  }) => {
    const id = await add();
    const old = await granted(id, { leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    await granted(id, { leaseMs: SHORT_MS });
    assert.equal(await repository.updateUpload(id, {}, { fence: old.fence, leaseMs: LONG_MS }), "stale");
    await advance(PAST_SHORT_MS);
    await granted(id);
  });

  for (const settled of SETTLED) {
    test(`the final write "${settled}" may be repeated`, async ({ repository, granted, add, read, vector }) => {
      const id = await add();
      const { fence } = await granted(id);
      const final = { status: settled, description: "A cat", embedding: vector(), starts: 0 };
      assert.equal(await repository.updateUpload(id, final, { fence }), "saved");
      assert.equal(await repository.updateUpload(id, final, { fence }), "saved");
      assertFields(await read(id), final);
    });

    test(`a write that arrives after the final write "${settled}" cannot reopen it`, async (setup) => {
      const { repository, granted, add, read } = setup;
      const id = await add();
      const { fence } = await granted(id);
      await repository.updateUpload(id, { status: settled, description: "A cat" }, { fence });
      const claim = { fence, leaseMs: LONG_MS };
      assert.equal(await repository.updateUpload(id, {}, claim), "stale");
      assert.equal(await repository.updateUpload(id, { description: "late" }, claim), "stale");
      for (const status of STATUSES.filter((status) => status !== settled))
        assert.equal(
          await repository.updateUpload(id, { status, description: "late", starts: 1 }, claim),
          "stale",
          status,
        );
      assertFields(await read(id), { status: settled, description: "A cat" });
    });

    test(`the write "${settled}" that ends a redo without success keeps draft and result`, async (setup) => {
      const { repository, granted, add, read, vector } = setup;
      const kept = { ...checkpoints(vector()), draft: { was: settled, redo: "redo-1", description: "A dog" } };
      const id = await add(kept);
      const { fence } = await granted(id);
      assert.equal(await repository.updateUpload(id, { status: settled, ...ERROR }, { fence }), "saved");
      assertFields(await read(id), { ...kept, ...ERROR, status: settled, starts: 1 });
    });

    test(`an upload that is ${settled} is no longer held`, async ({ repository, granted, add }) => {
      const id = await add();
      const { fence } = await granted(id);
      await repository.updateUpload(id, { status: settled, starts: 0 }, { fence });
      assert.equal(await repository.updateUpload(id, { status: "pending" }), "saved");
      assertFields((await granted(id)).upload, { status: "analyzing", starts: 1 });
    });
  }

  test("a released upload is free at once, and its release may be repeated", async (setup) => {
    const { repository, claim, granted, add, read } = setup;
    const id = await add();
    const { fence } = await granted(id);
    const release = { status: "pending" as const, description: "A cat", starts: 0 };
    assert.equal(await repository.updateUpload(id, release, { fence }), "saved");
    assert.equal(await repository.updateUpload(id, release, { fence }), "saved");
    assertFields(await read(id), release);
    assertFields((await granted(id)).upload, { status: "analyzing", description: "A cat", starts: 1 });
    assert.equal((await claim(id)).outcome, "busy");
  });

  test("what arrives after the release is stale", async ({ repository, granted, add, read }) => {
    const id = await add();
    const { fence } = await granted(id);
    const claim = { fence, leaseMs: LONG_MS };
    await repository.updateUpload(id, { status: "pending", starts: 0 }, { fence });
    assert.equal(await repository.updateUpload(id, {}, claim), "stale");
    assert.equal(await repository.updateUpload(id, { description: "late" }, claim), "stale");
    assert.equal(await repository.updateUpload(id, { status: "embedding", description: "late" }, claim), "stale");
    assert.equal(await repository.updateUpload(id, { status: "completed" }, claim), "stale");
    assertFields(await read(id), { status: "pending", description: null });
    await granted(id);
    assert.equal(await repository.updateUpload(id, { status: "pending", starts: 0 }, { fence }), "stale");
    assertFields(await read(id), { status: "analyzing", starts: 1 });
  });

  test('a write after the upload was deleted says "deleted"', async ({ repository, granted, add, deleteUpload }) => {
    const id = await add();
    const { fence } = await granted(id);
    await deleteUpload(id);
    assert.equal(await repository.updateUpload(id, {}, { fence, leaseMs: LONG_MS }), "deleted");
    assert.equal(await repository.updateUpload(id, { status: "completed" }, { fence }), "deleted");
    assert.equal(await repository.updateUpload(id, {}, { fence: fence + 1 }), "deleted");
    assert.equal(await repository.findUpload(id), null);
  });

  test("two uploads are claimed and written apart", async ({ repository, granted, add, read }) => {
    const [one, other] = [await add(), await add()];
    const claims = [await granted(one), await granted(other)];
    await repository.updateUpload(one, { status: "completed" }, { fence: claims[0]?.fence ?? -1 });
    assertFields(await read(other), { status: "analyzing" });
    assert.equal(await repository.updateUpload(other, {}, { fence: claims[1]?.fence ?? -1 }), "saved");
  });
}
