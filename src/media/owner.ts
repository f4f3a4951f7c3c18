import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hasCode } from "../errors.js";
import { memoizeAsync } from "./memoize-async.js";

/** A process, as the names of its temporary directories tell it. */
export interface Owner {
  readonly pid: number;
  /**
   * When it was started, in ticks since the machine was: a later process with the same pid has another. `""`: not
   * known.
   */
  readonly start: string;
  /** Which machine, since which boot, and which container: pids mean something inside of it only. `""`: not known. */
  readonly scope: string;
}

/** Of this process. */
export const currentOwner = memoizeAsync(async (): Promise<Owner> => {
  const { pid } = process;
  const [start, scope] = await Promise.all([startOf("self").catch(() => null), scopeOfPids()]);
  return { pid, start: start ?? "", scope };
});

/** `upload-processor-<pid>-<start>-<scope>-`, which mkdtemp completes by six characters. */
export function directoryPrefix({ pid, start, scope }: Owner): string {
  return `upload-processor-${pid}-${start}-${scope}-`;
}

const DIRECTORY = /^upload-processor-(\d+)-(\d*)-([0-9a-f]*)-[^-]{6}$/;

/** The owner of a directory that was named by {@link directoryPrefix}; `null` for every other name. */
export function ownerOf(directory: string): Owner | null {
  const [, pid, start, scope] = DIRECTORY.exec(directory) ?? [];
  if (pid === undefined || start === undefined || scope === undefined) return null;
  return { pid: Number(pid), start, scope };
}

/**
 * Whether an owner runs, as `self` can tell it.
 *
 * @returns `"unknown"` where its pid means nothing here: on another machine or in another container that shares the
 *   folder, and where there is no /proc, so that a pid may have been given to another process meanwhile
 */
export async function stateOf(owner: Owner, self: Owner): Promise<"alive" | "dead" | "unknown"> {
  if (owner.scope !== self.scope) return "unknown";
  if (owner.start === "" || owner.scope === "") return pidIsTaken(owner.pid) ? "alive" : "unknown";
  try {
    return (await startOf(owner.pid)) === owner.start ? "alive" : "dead";
  } catch {
    return "unknown";
  }
}

/** @returns `null` when there is no such process, or one that has ended and that its parent has not asked for yet */
async function startOf(pid: number | "self"): Promise<string | null> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (pid !== "self" && hasNoProcess(error)) return null;
    throw error;
  }
  // The second field is the name of the program, in parentheses, and may have spaces and parentheses in it.
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? null : (fields[START_TIME - STATE - 1] ?? "");
}

/** The numbers of the fields in proc(5). */
const STATE = 3;
const START_TIME = 22;

const hasNoProcess = (error: unknown) => hasCode(error, "ENOENT") || hasCode(error, "ESRCH");

async function scopeOfPids(): Promise<string> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "latin1");
    const namespace = await readlink("/proc/self/ns/pid");
    return createHash("sha256").update(`${boot}${namespace}`).digest("hex").slice(0, 12);
  } catch {
    return "";
  }
}

function pidIsTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !hasCode(error, "ESRCH");
  }
}
