import type { Stage } from "../contracts/stage.js";
import type { UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { aBoolean, count, expected, optional, requireKnown, requireMembers, timeout } from "../validate.js";

/** The keys of `metadata` that are the library's. */
export const OWN_METADATA = ["media", "usage", "audit", "model", "redo"] as const;
/** The built-in stages, what has a breaker beside them, and what stands in `metadata` already. */
const TAKEN: ReadonlySet<string> = new Set([
  "claim",
  "open",
  "thumbnail",
  "describe",
  "embed",
  "save",
  "decode",
  "storage",
  ...OWN_METADATA,
]);
const BEFORE = ["thumbnail", "describe", "embed", "save"] as const;

/** @throws ConfigurationError a stage that is none, or whose name is taken */
export function resolveStages<U extends UploadRecord>(stages: readonly Stage<U>[]): readonly Stage<U>[] {
  if (!Array.isArray(stages)) throw expected("stages", "an array", stages);
  const names = new Set<string>();
  return stages.map((stage, index) => {
    const name = `stages[${index}]`;
    requireStage(name, stage);
    // What every object has (`constructor`) would be taken for a result that is there.
    if (TAKEN.has(stage.name) || stage.name in Object.prototype || names.has(stage.name))
      throw new ConfigurationError(`${name}.name: ${JSON.stringify(stage.name)} is taken, choose another name`);
    names.add(stage.name);
    return { ...stage };
  });
}

/** @throws ConfigurationError unless it is what `defineStage` takes */
export function requireStage<U extends UploadRecord>(name: string, stage: Stage<U>): void {
  requireMembers(name, stage, ["run"]);
  requireKnown(name, stage, ["name", "before", "required", "timeoutMs", "concurrency", "run"]);
  const isName = (value: unknown) => typeof value === "string" && /^[\w-]{1,60}$/.test(value);
  if (!isName(stage.name)) throw expected(`${name}.name`, 'letters, digits, "-" and "_", at most 60', stage.name);
  optional(`${name}.before`, stage.before, (value) => BEFORE.some((one) => one === value), BEFORE.join(", "));
  optional(`${name}.required`, stage.required, aBoolean, "true or false");
  timeout(`${name}.timeoutMs`, stage.timeoutMs, 60_000);
  if (stage.concurrency !== undefined) count(`${name}.concurrency`, stage.concurrency, 1);
}
