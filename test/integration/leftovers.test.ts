import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { currentOwner, directoryPrefix, type Owner, ownerOf, stateOf } from "../../src/media/owner.js";
import { endOf, nextOutput, startChild } from "../support/child.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "leftovers-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const worker = () => startChild("test/support/temporary-file-worker.ts", [folder]);

/** Runs a process that makes its first temporary file. It ends when all that it does in the background is done. */
async function anotherProcess(): Promise<void> {
  const child = worker();
  child.stdin?.end();
  expect(await endOf(child)).toMatchObject({ code: 0, err: "" });
}

function leave(owner: Partial<Owner>, self: Owner): string {
  const directory = join(folder, `${directoryPrefix({ ...self, ...owner })}aB3dE6`);
  mkdirSync(directory);
  return directory;
}

describe("the temporary file of a process that was killed", () => {
  it("is removed by the next process, and the file of one that lives is not", async () => {
    // One after the other: the second must not clean up behind the first before that is expected.
    const living = worker();
    const inUse = await nextOutput(living);
    const killed = worker();
    const left = await nextOutput(killed);
    const ended = endOf(killed);
    killed.kill("SIGKILL");
    await ended;
    expect(existsSync(left)).toBe(true);

    await anotherProcess();
    expect(readdirSync(folder)).toEqual([basename(inUse)]);
    const finished = endOf(living);
    living.stdin?.end();
    await finished;
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.platform === "linux")("is told from that of a process with the same pid", async () => {
    const self = await currentOwner();
    const directory = leave({ start: "1" }, self);
    await anotherProcess();
    expect(existsSync(directory)).toBe(false);
  });

  it("is left alone when it belongs to a process that cannot be asked for, until a day has passed", async () => {
    const self = await currentOwner();
    const fresh = leave({ pid: 1, scope: "aaaaaaaaaaaa" }, self);
    const old = leave({ pid: 2, scope: "aaaaaaaaaaaa" }, self);
    const yesterday = Date.now() / 1000 - 25 * 60 * 60;
    utimesSync(old, yesterday, yesterday);
    await anotherProcess();
    expect([existsSync(fresh), existsSync(old)]).toEqual([true, false]);
  });

  it("is what is removed, and nothing else", async () => {
    const self = await currentOwner();
    const dead = { ...self, start: "1" };
    const names = ["upload-processor-report", "upload-processor-1-1--abc", "other", "upload-processor-abcdef"];
    for (const name of names) mkdirSync(join(folder, name));
    const outside = mkdtempSync(join(tmpdir(), "leftovers-test-"));
    symlinkSync(outside, join(folder, `${directoryPrefix(dead)}link00`));
    const kept = [...names, `${directoryPrefix(dead)}link00`];
    if (process.getuid?.() === 0) {
      const foreign = leave(dead, self);
      chownSync(foreign, 12_345, 12_345);
      kept.push(basename(foreign));
    }
    await anotherProcess();
    expect(readdirSync(folder).sort()).toEqual(kept.sort());
    expect(existsSync(outside)).toBe(true);
    rmSync(outside, { recursive: true });
  });
});

describe("the name of a temporary directory", () => {
  it.each([
    { pid: 7, start: "123", scope: "0123456789ab" },
    { pid: 7, start: "", scope: "" },
  ])("tells its owner: %o", (owner) => {
    expect(ownerOf(`${directoryPrefix(owner)}x1Y2z3`)).toEqual(owner);
  });

  it("tells that this process is alive", async () => {
    const self = await currentOwner();
    expect(await stateOf(self, self)).toBe("alive");
    const unknownStart = { ...self, start: "", scope: "" };
    expect(await stateOf(unknownStart, unknownStart)).toBe("alive");
  });
});
