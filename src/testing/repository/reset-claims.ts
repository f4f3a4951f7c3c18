import assert from "node:assert/strict";
import type { RerunMode, UploadRecord } from "../../contracts/upload.js";
import { type Bench, LONG_MS, newRedo, newToken } from "./fixture.js";
import { assertFields, ERROR } from "./records.js";

const HOW = ["retry", "reprocess", "reprocess-all"] as const satisfies RerunMode[];

/** A reset leaves fence and token of the last claim where they are: what is still on its way from then comes too late. */
export function testResetClaims<U extends UploadRecord>({ test }: Bench<U>): void {
  for (const how of HOW) {
    test(`after ${how}, the last claim of an upload gets nothing, and its writes are stale`, async (setup) => {
      const { repository, reset, claim, granted, add, read } = setup;
      const id = await add();
      const token = newToken();
      const { fence } = await granted(id, { token });
      const late = () => repository.updateUpload(id, { description: "late" }, { fence, leaseMs: LONG_MS });
      await repository.updateUpload(id, { status: "failed", ...ERROR, starts: 0 }, { fence });
      assert.equal(await reset({ ids: [id] }, how, newRedo()), 1);
      assert.equal((await claim(id, { token })).outcome, "busy", "a reset keeps the token of the last claim");
      assert.equal(await late(), "stale");
      assert.ok((await granted(id)).fence > fence, "the fence has to increase, over a reset too");
      assert.equal(await late(), "stale");
      assertFields(await read(id), { status: "analyzing", description: null, starts: 1 });
    });
  }

  test("after undo, the last claim of an upload gets nothing", async (setup) => {
    const { repository, reset, claim, granted, add } = setup;
    const id = await add({ draft: { was: "completed", redo: newRedo() } });
    const token = newToken();
    const { fence } = await granted(id, { token });
    await repository.updateUpload(id, { status: "pending", starts: 0 }, { fence });
    assert.equal(await reset({ ids: [id] }, "undo", newRedo()), 1);
    assert.equal((await claim(id, { token })).outcome, "settled");
    await repository.updateUpload(id, { status: "pending" });
    assert.equal((await claim(id, { token })).outcome, "busy", "an undo keeps the token of the last claim");
  });
}
