import assert from "node:assert/strict";
import type { UploadRecord } from "../../contracts/upload.js";
import { type Bench, LONG_MS, newToken, PAST_SHORT_MS, SETTLED, SHORT_MS } from "./fixture.js";
import { assertFields, assertUnchanged } from "./records.js";

/** Claims that are sent again because their answer was lost, or that are delivered twice. */
export function testTokens<U extends UploadRecord>({ test }: Bench<U>): void {
  test("a claim whose answer was lost is answered again, with nothing counted and its lease renewed", async (setup) => {
    const { repository, claim, granted, add, read, advance } = setup;
    const id = await add();
    const token = newToken();
    const first = await granted(id, { token, leaseMs: SHORT_MS });
    const again = await granted(id, { token, leaseMs: LONG_MS });
    assert.equal(again.fence, first.fence);
    assertUnchanged(again.upload, first.upload);
    assertFields(await read(id), { status: "analyzing", starts: 1 });
    await advance(PAST_SHORT_MS);
    assert.equal((await claim(id)).outcome, "busy", "the lease has to be renewed");
    assert.equal(await repository.updateUpload(id, { status: "completed" }, { fence: first.fence }), "saved");
  });

  test("a claim is answered again with what was written since", async ({ repository, granted, add, read }) => {
    const id = await add();
    const token = newToken();
    const { fence } = await granted(id, { token });
    await repository.updateUpload(id, { status: "embedding", description: "A cat" }, { fence });
    const again = await granted(id, { token });
    assert.equal(again.fence, fence);
    assertFields(again.upload, { status: "embedding", description: "A cat", starts: 1 });
    assertFields(await read(id), { status: "embedding", description: "A cat", starts: 1 });
  });

  test("a claim whose lease ran out is answered again while nobody else has the upload", async (setup) => {
    const { claim, granted, add, read, advance } = setup;
    const id = await add();
    const token = newToken();
    const { fence } = await granted(id, { token, leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    assert.equal((await granted(id, { token })).fence, fence);
    assertFields(await read(id), { starts: 1 });
    assert.equal((await claim(id)).outcome, "busy");
  });

  test("the token of an older claim is a claim like any other", async ({ claim, granted, add, read, advance }) => {
    const id = await add();
    const token = newToken();
    await granted(id, { token, leaseMs: SHORT_MS });
    await advance(PAST_SHORT_MS);
    await granted(id);
    assert.equal((await claim(id, { token })).outcome, "busy");
    assertFields(await read(id), { starts: 2 });
  });

  test("a claim that is delivered a second time after the release grants nothing", async (setup) => {
    const { repository, claim, granted, add, read } = setup;
    const id = await add();
    const token = newToken();
    const { fence } = await granted(id, { token });
    await repository.updateUpload(id, { status: "pending", starts: 0 }, { fence });
    assert.equal((await claim(id, { token })).outcome, "busy");
    assertFields(await read(id), { status: "pending", starts: 0 });
    assert.ok((await granted(id)).fence > fence, "another token gets it at once");
  });

  for (const settled of SETTLED) {
    test(`a claim that is delivered a second time when the upload is ${settled} grants nothing`, async (setup) => {
      const { repository, claim, granted, add, read } = setup;
      const id = await add();
      const token = newToken();
      const { fence } = await granted(id, { token });
      await repository.updateUpload(id, { status: settled, starts: 0 }, { fence });
      const answer = await claim(id, { token });
      assert.equal(answer.outcome, "settled");
      assertFields(answer.upload, { id, status: settled });
      await repository.updateUpload(id, { status: "pending" });
      assert.equal((await claim(id, { token })).outcome, "busy", "not after a reset either");
      assertFields(await read(id), { status: "pending", starts: 0 });
      await granted(id);
    });
  }

  test("of 20 deliveries of one claim at once, each gets the same answer", async ({ claim, add, read }) => {
    const id = await add();
    const token = newToken();
    const answers = await Promise.all(Array.from({ length: 20 }, () => claim(id, { token })));
    const fences = answers.map((answer) => (answer.outcome === "claimed" ? answer.fence : answer.outcome));
    assert.equal(new Set(fences).size, 1, `answers ${fences.join(", ")}`);
    assert.equal(typeof fences[0], "number");
    assertFields(await read(id), { status: "analyzing", starts: 1 });
  });
}
