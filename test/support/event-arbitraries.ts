import fc from "fast-check";
import { UploadError } from "../../src/errors.js";

/** What JSON keeps as it is. */
const aNumber = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value));
const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
const anError = fc
  .record(
    {
      code: fc.oneof(
        fc.constantFrom("RATE_LIMITED", "INVALID_CONFIGURATION", "REPOSITORY_FAILED"),
        fc.string({ minLength: 1 }),
      ),
      stage: nullable(fc.string()),
      fault: fc.constantFrom("upload", "service", "account", "deployment"),
      retryable: fc.boolean(),
      retryAfterMs: fc.nat(),
      cause: fc.constant({ deep: 1n }),
    },
    { requiredKeys: ["code"] },
  )
  .chain((options) => fc.string().map((message) => new UploadError(message, options)));
const errors = fc.array(anError, { maxLength: 10 });
const usage = fc.dictionary(fc.string(), aNumber);
/** Whatever a record may hold: also what is no JSON. */
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withTypedArray: true,
  withNullPrototype: true,
});
const aRecord = fc.tuple(fc.string(), fc.dictionary(fc.string(), anything)).map(([id, fields]) => ({ ...fields, id }));

const ofUpload = { uploadId: fc.string(), batchId: nullable(fc.string()), at: aNumber };
const ofBatch = { batchId: nullable(fc.string()), at: aNumber };
const ofSettled = {
  ...ofUpload,
  attempts: fc.nat(),
  durationMs: aNumber,
  warnings: errors,
  usage,
  stages: fc.array(fc.record({ stage: fc.string(), attempt: fc.nat(), durationMs: aNumber })),
};
const counts = { completed: fc.nat(), failed: fc.nat(), skipped: fc.nat(), deleted: fc.nat(), aborted: fc.nat() };
const wait = fc.option(fc.nat(), { nil: undefined });
const typed = (type: string, fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record({ type: fc.constant(type), ...fields });
const outcome = (status: string, fields: Record<string, fc.Arbitrary<unknown>>) =>
  typed("upload:settled", { ...ofSettled, status: fc.constant(status), ...fields });

/** Every event, with whatever it may hold. */
export const EVENTS: readonly fc.Arbitrary<object>[] = [
  typed("upload:started", { ...ofUpload, upload: aRecord, starts: fc.nat() }),
  typed("upload:progress", {
    ...ofUpload,
    progress: fc.nat(100),
    stage: fc.string(),
    status: fc.constantFrom("pending", "analyzing", "embedding", "completed", "failed"),
    attempt: fc.nat(),
    fileName: nullable(fc.string()),
    fileSize: nullable(fc.nat()),
    estimated: fc.boolean(),
    message: fc.option(fc.string(), { nil: undefined }),
  }),
  typed("upload:retry", { ...ofUpload, attempt: fc.nat(), maxAttempts: fc.nat(), delayMs: aNumber, error: anError }),
  typed("upload:warning", { ...ofUpload, stage: nullable(fc.string()), error: anError }),
  outcome("completed", { upload: aRecord }),
  outcome("failed", { error: anError, kept: fc.boolean() }),
  outcome("deferred", { error: anError, retryAfterMs: wait, countsAsAttempt: fc.boolean() }),
  outcome("skipped", {
    reason: fc.constantFrom("already-completed", "already-failed", "claimed-elsewhere", "not-found"),
    retryAfterMs: wait,
  }),
  outcome("deleted", {}),
  outcome("aborted", { reason: fc.oneof(anything, anError) }),
  typed("breaker:opened", { at: aNumber, error: anError, until: aNumber }),
  typed("breaker:closed", { at: aNumber }),
  typed("batch:started", {
    ...ofBatch,
    batch: nullable(fc.record({ id: fc.string(), status: fc.string(), more: anything })),
    counts: nullable(fc.dictionary(fc.string(), fc.nat())),
  }),
  typed("batch:progress", {
    ...ofBatch,
    total: nullable(fc.nat()),
    processed: fc.nat(),
    completed: fc.nat(),
    failed: fc.nat(),
    percentage: nullable(aNumber),
    perSecond: aNumber,
    etaMs: nullable(aNumber),
    usage,
  }),
  typed("batch:paused", {
    ...ofBatch,
    reason: fc.constantFrom("pause", "service", "account", "repository"),
    error: nullable(anError),
    until: nullable(aNumber),
  }),
  typed("batch:resumed", ofBatch),
  typed("batch:settled", {
    ...ofBatch,
    ...counts,
    deferred: fc.nat(),
    kept: fc.nat(),
    status: fc.constantFrom("pending", "processing", "completed", "failed", "cancelled"),
    total: nullable(fc.nat()),
    durationMs: aNumber,
    usage,
    usageByStage: fc.dictionary(fc.string(), usage),
    failures: fc.array(fc.record({ uploadId: fc.string(), error: anError }), { maxLength: 10 }),
    failuresOmitted: fc.nat(),
    error: fc.option(anError, { nil: undefined }),
  }),
];
