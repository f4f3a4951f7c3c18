import type { UploadChanges } from "../contracts/repository.js";
import type { Mode, UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import type { Settings } from "../options.js";
import type { Cancellation } from "./cancellation.js";
import { Claim, startsOf } from "./claim.js";
import { answered, requireOutcome, storeRetried } from "./repository-calls.js";

/** What a claim was answered with. */
export type Acquired<U extends UploadRecord> =
  | { outcome: "claimed"; claim: Claim<U> }
  | { outcome: "settled"; upload: U }
  | { outcome: "busy"; retryAfterMs?: number | undefined }
  | { outcome: "deleted" };

/** Takes an upload, in the repository where that knows claims, else within this process. */
export function acquireClaim<U extends UploadRecord>(
  id: string,
  settings: Settings<U>,
  cancellation: Cancellation,
): Promise<Acquired<U>> {
  const { repository } = settings;
  const acquire = repository.claimUpload ? claimInRepository : claimInProcess;
  return storeRetried(
    `Upload ${id} could not be claimed`,
    cancellation,
    () => acquire(id, settings, cancellation),
    "claim",
  );
}

async function claimInRepository<U extends UploadRecord>(
  id: string,
  settings: Settings<U>,
  cancellation: Cancellation,
): Promise<Acquired<U>> {
  const { repository, lease, mode } = settings;
  const sentAt = performance.now();
  const answer = await answered(repository.claimUpload?.(id, { leaseMs: lease.durationMs, mode }));
  switch (answer?.outcome) {
    case "claimed": {
      const upload = requireRecord("repository.claimUpload", answer.upload, id);
      return { outcome: "claimed", claim: new Claim(upload, answer.fence, settings, cancellation, sentAt) };
    }
    case "settled":
    case "busy":
    case "deleted":
      return answer;
    default:
      throw new ConfigurationError(
        `repository.claimUpload: expected an answer with outcome "claimed", "settled", "busy" or "deleted", got ${JSON.stringify(answer)}`,
      );
  }
}

/**
 * Another record in its place would have another row written; and a field `__proto__`, as JSON may have, would be inherited
 * from. Upper and lower case may differ: a column of UUIDs has its own.
 */
function requireRecord<U extends UploadRecord>(member: string, upload: U, id: string): U {
  const given: unknown = upload?.id;
  const same = given === id || (typeof given === "string" && given.toLowerCase() === id.toLowerCase());
  if (same && !Object.hasOwn(upload, "__proto__")) return upload;
  const what = same
    ? "a field __proto__"
    : `the id ${typeof given === "string" ? JSON.stringify(given) : String(given)}`;
  throw new ConfigurationError(`${member}: expected the record of upload ${JSON.stringify(id)}, got one with ${what}`);
}

/** The uploads that this process works on, by repository, for repositories without claims. */
const heldInProcess = new WeakMap<object, Set<string>>();

async function claimInProcess<U extends UploadRecord>(
  id: string,
  settings: Settings<U>,
  cancellation: Cancellation,
): Promise<Acquired<U>> {
  const { repository, mode } = settings;
  const held = heldInProcess.get(repository) ?? new Set();
  heldInProcess.set(repository, held);
  if (held.has(id)) return { outcome: "busy" };
  held.add(id);
  const letGo = () => held.delete(id);
  try {
    const acquired = await begin();
    if (acquired.outcome !== "claimed") letGo();
    return acquired;
  } catch (error) {
    letGo();
    throw error;
  }

  async function begin(): Promise<Acquired<U>> {
    const found = await answered(repository.findUpload(id));
    if (found === null) return { outcome: "deleted" };
    requireRecord("repository.findUpload", found, id);
    if (isSettled(found) && !takesSettled(found, mode)) return { outcome: "settled", upload: found };
    const changes = beginning(found, mode);
    const sentAt = performance.now();
    const outcome = requireOutcome(await answered(repository.updateUpload(id, changes)));
    if (outcome === "deleted") return { outcome };
    if (outcome === "stale") return { outcome: "busy" };
    const upload: U = { ...found, ...changes };
    return { outcome: "claimed", claim: new Claim(upload, undefined, settings, cancellation, sentAt, letGo) };
  }
}

function isSettled(upload: UploadRecord): boolean {
  return upload.status === "completed" || upload.status === "failed";
}

function takesSettled(upload: UploadRecord, mode: Mode): boolean {
  return mode === "reprocess" || (mode === "retry-failed" && upload.status === "failed");
}

/** What a claim changes in the row: the rules of `claimUpload`, for repositories that leave it to us. */
function beginning(found: UploadRecord, mode: Mode): UploadChanges {
  const settled = isSettled(found);
  return {
    status: "analyzing",
    starts: settled ? 1 : (startsOf(found) ?? 0) + 1,
    errorCode: null,
    errorStage: null,
    errorMessage: null,
    ...(settled && mode === "reprocess" && { thumbnailKey: null, description: null, embedding: null, aiVersion: null }),
  };
}
