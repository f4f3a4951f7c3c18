import type { Cancellation } from "../async/cancellation.js";
import { LONG_AGO, Moment } from "../async/moment.js";
import { Interrupted, withTimeout } from "../async/time.js";
import type { ClaimOutcome, UploadChanges } from "../contracts/repository.js";
import type { UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { heldIn } from "../runtime/active-upload.js";
import { Claim } from "./claim.js";
import { startsOf } from "./claim-changes.js";
import { withChanges } from "./results.js";
import type { Settings } from "./settings.js";

/** What a claim was answered with. */
export type Acquired<U extends UploadRecord> =
  | { outcome: "claimed"; claim: Claim<U> }
  | Exclude<ClaimOutcome<U>, { outcome: "claimed" }>;

/** Takes an upload, in the repository where that knows claims, else within this process. */
export function acquireClaim<U extends UploadRecord>(
  id: string,
  settings: Settings<U>,
  cancellation: Cancellation,
): Promise<Acquired<U>> {
  return settings.repository.hasClaims
    ? claimInRepository(id, settings, cancellation)
    : claimInProcess(id, settings, cancellation);
}

/**
 * A claim that got no answer may have been granted all the same. It is made again under the same token, now or when the upload
 * is visited again, and is one claim then: so a lost answer counts as no start.
 */
async function claimInRepository<U extends UploadRecord>(
  id: string,
  settings: Settings<U>,
  cancellation: Cancellation,
): Promise<Acquired<U>> {
  const { repository, lease, memory } = settings;
  const token = memory.unanswered.get(id) ?? newToken();
  // Taken: two visitors with one token would both be granted the claim.
  memory.unanswered.delete(id);
  let sentAt = LONG_AGO;
  let sent: Promise<ClaimOutcome<U>> | undefined;
  const request = () => {
    sentAt = new Moment();
    return { leaseMs: lease.durationMs, token };
  };
  const acquired = (answer: ClaimOutcome<U>): Acquired<U> => {
    if (answer.outcome !== "claimed") return answer;
    const upload = withPlainMetadata(requireRecord("repository.claimUpload", answer.upload, id));
    return { outcome: "claimed", claim: new Claim(upload, answer.fence, settings, cancellation, sentAt) };
  };
  let answer: ClaimOutcome<U>;
  try {
    answer = await repository.claim(id, cancellation, request, (claiming) => {
      sent = claiming;
    });
  } catch (error) {
    const isOver = error instanceof Interrupted && sent !== undefined && (await letGoOf(sent, acquired));
    if (!isOver) memory.unanswered.set(id, token);
    throw error;
  }
  return acquired(answer);
}

/** In milliseconds. Most answers come at once; one that does not come holds up nobody who is aborted. */
const CLAIM_GRACE_MS = 1000;

/**
 * Aborted while the claim was under way: it is handed back if it was granted. Else the row would be held until the lease has run out,
 * and the start be counted of an upload that was never begun.
 *
 * @returns whether nothing is left of the claim
 */
async function letGoOf<U extends UploadRecord>(
  sent: Promise<ClaimOutcome<U>>,
  acquired: (answer: ClaimOutcome<U>) => Acquired<U>,
): Promise<boolean> {
  try {
    const answer = acquired(await withTimeout(sent, CLAIM_GRACE_MS, () => new Error("not answered")));
    if (answer.outcome === "claimed") await answer.claim.handBack();
    return true;
  } catch {
    return false;
  }
}

const PROCESS = Math.random().toString(36).slice(2) + Date.now().toString(36);
let tokens = 0;

/** A token that no other claim has, of this process or of another. */
function newToken(): string {
  return `${PROCESS}-${++tokens}`;
}

/**
 * Writes go by the id of the record, so another record would have another row written. A field `__proto__`, as JSON may have, would
 * become a prototype. Upper and lower case may differ: a column of UUIDs has its own.
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

/** A key `__proto__`, as JSON may have, would become the prototype when it is merged: it is left out of what is handed on. */
function withPlainMetadata<U extends UploadRecord>(upload: U): U {
  const { metadata } = upload;
  if (metadata == null || !Object.hasOwn(metadata, "__proto__")) return upload;
  const entries = Object.entries(metadata).filter(([key]) => key !== "__proto__");
  return { ...upload, metadata: Object.fromEntries(entries) };
}

async function claimInProcess<U extends UploadRecord>(
  id: string,
  settings: Settings<U>,
  cancellation: Cancellation,
): Promise<Acquired<U>> {
  const { repository } = settings;
  const held = heldIn(repository.adapter);
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
    const found = await repository.find(id, cancellation);
    if (found === null) return { outcome: "deleted" };
    requireRecord("repository.findUpload", found, id);
    if (isSettled(found)) return { outcome: "settled", upload: found };
    const upload = withPlainMetadata(found);
    const changes = beginning(found);
    const sentAt = new Moment();
    const what = `Upload ${id} could not be claimed`;
    const outcome = await repository.update(what, id, changes, undefined, cancellation);
    if (outcome === "deleted" || outcome === "cancelled") return { outcome };
    if (outcome === "stale") return { outcome: "busy" };
    const claim = new Claim(withChanges(upload, changes), undefined, settings, cancellation, sentAt, letGo);
    return { outcome: "claimed", claim };
  }
}

export function isSettled({ status }: Pick<UploadRecord, "status">): boolean {
  return status === "completed" || status === "failed";
}

/** What a claim changes in the row: the rules of `claimUpload`, for repositories that leave it to us. */
function beginning(found: UploadRecord): UploadChanges {
  return {
    status: "analyzing",
    starts: (startsOf(found) ?? 0) + 1,
    errorCode: null,
    errorStage: null,
    errorMessage: null,
  };
}
