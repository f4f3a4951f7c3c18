import { Interrupted } from "../async/time.js";
import type { AuditVerdict, Media } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { auditDescription } from "./audit.js";
import { callStage, noteRefused } from "./call-stage.js";
import type { Model } from "./chain.js";
import { type Described, readDescription } from "./model-output.js";
import type { UploadRun } from "./run.js";

/** A description, and what its audit thinks of it. */
export interface Answer<U extends UploadRecord> {
  readonly described: Described;
  readonly model: Model<U>;
  /** `undefined` where there is no audit, or it could not tell. */
  readonly verdict: AuditVerdict | undefined;
  /** How many answers it was chosen from. */
  readonly asks: number;
}

/**
 * Asks a model for a description, in one slot, and again as long as the answer does not pass its audit. Whatever happens once
 * there is an answer, the best one is kept: it has been paid for.
 *
 * @throws UploadError, Interrupted when there is no answer
 */
export async function askModel<U extends UploadRecord>(
  run: UploadRun<U>,
  media: Media<U>,
  attempt: number,
  model: Model<U>,
): Promise<Answer<U>> {
  const { audit, slot } = model;
  if (audit === undefined) {
    const described = await askOnce(run, media, attempt, model);
    return { described, model, verdict: undefined, asks: 1 };
  }
  const queuedAt = performance.now();
  return slot.hold(run.signal, async () => {
    const most = audit.maxAsks ?? 2;
    let best: Answer<U> | undefined;
    for (let ask = 1; ask <= most; ask++) {
      let described: Described;
      if (ask > 1) noteRefused(run, "describe");
      try {
        described = await askOnce(run, media, attempt, model, ask, ask === 1 ? queuedAt : performance.now());
      } catch (error) {
        if (best === undefined) throw error;
        keptInstead(run, error);
        return best;
      }
      const verdict = auditDescription(run, audit, described.text, media.kind, described.prompt);
      const answer: Answer<U> = { described, model, verdict, asks: ask };
      if (verdict === undefined || verdict.ok) return answer;
      best = { ...better(best, answer), asks: ask };
      if (run.unpriced !== undefined) break;
    }
    return best as Answer<U>;
  });
}

/** The one that passed, or the one with the higher score; of equals the earlier one. */
export function better<U extends UploadRecord>(best: Answer<U> | undefined, answer: Answer<U>): Answer<U> {
  return best === undefined || scoreOf(answer) > scoreOf(best) ? answer : best;
}

function scoreOf({ verdict }: Answer<never>): number {
  return verdict === undefined || verdict.ok ? 2 : verdict.score;
}

/** Asking for something better has failed: that is no failure of the upload. */
export function keptInstead<U extends UploadRecord>({ settings, id }: UploadRun<U>, error: unknown): void {
  if (error instanceof Interrupted) return;
  settings.logger.info({ uploadId: id, error }, "asking for a better description failed; the best so far is kept");
}

/** Of a chain, and of asks in a slot that is held for all of them, the minute counts each call. */
function askOnce<U extends UploadRecord>(
  run: UploadRun<U>,
  media: Media<U>,
  attempt: number,
  { ai, breaker, priced, key, slot, audit }: Model<U>,
  ask = 1,
  queuedAt?: number,
): Promise<Described> {
  const { isChain, slot: ofAll } = run.settings.models;
  const isSimple = audit === undefined && !isChain;
  const asked = isSimple ? undefined : performance.now();
  const makeCall = () =>
    callStage(run, {
      stage: "describe",
      attempt,
      ask,
      model: key,
      status: "analyzing",
      code: "DESCRIBE_FAILED",
      timeoutMs: run.settings.timeouts.describeMs,
      slot: isSimple ? slot : undefined,
      queuedAt: queuedAt ?? asked,
      service: { breaker, kind: "model", ai: priced },
      call: ({ context }) => ai.describe(media, context),
      accept: readDescription,
    });
  if (isSimple) return makeCall();
  const inItsMinute = () => ofAll.inMinute(run.signal, makeCall);
  return audit === undefined ? slot.hold(run.signal, inItsMinute) : inItsMinute();
}
