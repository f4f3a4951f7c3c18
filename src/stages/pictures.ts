import { Interrupted } from "../async/time.js";
import type { MediaFacts } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { ConfigurationError, classifyError, isFault, UploadError } from "../errors.js";
import type { Thumbnail } from "../media/thumbnail.js";
import { callStage } from "../pipeline/call-stage.js";
import { mediaOf } from "../pipeline/media-facts.js";
import type { PictureOptions } from "../pipeline/picture-options.js";
import { hasPictures, missingPictures, picturesOf } from "../pipeline/pictures-wanted.js";
import type { Results } from "../pipeline/results.js";
import { retryBriefly } from "../pipeline/retry.js";
import type { UploadRun } from "../pipeline/run.js";
import type { Settings } from "../pipeline/settings.js";
import { requireDerivedKey } from "../storage-keys.js";
import { removeOrphans } from "./derived-objects.js";
import type { StageRow } from "./stage.js";

/** A picture that is to be made. */
interface Job<U extends UploadRecord> {
  /** As `thumbnail`, `renditions.large`. */
  readonly option: string;
  /** Of a rendition. */
  readonly name: string | undefined;
  readonly settings: PictureOptions<U>;
  readonly key: string;
}

/**
 * Thumbnail, renditions and placeholder, of one decoding: made once, outside the attempts, as well as they can be. What cannot be
 * made is a warning, and does not keep the others from being made. `undefined` where none is wanted.
 */
export function pictureStage<U extends UploadRecord>(settings: Settings<U>): StageRow<U> | undefined {
  const { thumbnail, renditions, placeholder, timeouts } = settings;
  if (thumbnail === false && renditions.size === 0 && placeholder === undefined) return undefined;
  const stage = { stage: "thumbnail", attempt: 0, code: "THUMBNAIL_FAILED", timeoutMs: timeouts.thumbnailMs } as const;
  return {
    name: "thumbnail",
    status: "analyzing",
    weight: 5,
    required: false,
    isDone: ({ claim }) => hasPictures(picturesOf(claim), settings),
    async make(run) {
      const missing = missingPictures(picturesOf(run.claim), settings);
      const failures: UploadError[] = [];
      const jobs = jobsOf(run, settings, failures).filter(({ name }) =>
        name === undefined ? missing.thumbnail : missing.renditions.includes(name),
      );
      if (jobs.length === 0 && !missing.placeholder) throw failures[0];
      const made = await callStage(run, {
        ...stage,
        status: "analyzing",
        slot: { run: (signal, task) => run.decode(signal, task) },
        call: ({ cancellation }) => {
          const pictures = jobs.map((job) => job.settings);
          return run.media.pictures({ pictures, placeholder: missing.placeholder }, cancellation);
        },
        accept: (pictures) => pictures,
      });
      const results: Results = {};
      if (made.placeholder !== undefined) keepFacts(run, results, { placeholder: made.placeholder });
      for (const [index, job] of jobs.entries()) {
        const picture = made.pictures[index] as Thumbnail;
        try {
          await write(job, picture, run);
          keepPicture(run, results, job, picture);
        } catch (thrown) {
          if (thrown instanceof Interrupted) throw thrown;
          const error = failureOf(job, thrown);
          if (isFault(error, "deployment")) throw error;
          failures.push(error);
        }
      }
      const isNothing = results.thumbnailKey === undefined && results.metadata === undefined;
      for (const error of failures.slice(isNothing ? 1 : 0)) run.warn(error);
      if (isNothing) throw failures[0];
      const { facts, decoders } = settings;
      const measured = run.media.facts();
      if (facts.exif || facts.location || decoders.has(measured?.mimeType ?? "")) keepFacts(run, results, {});
      return results;
    },
  };

  async function write(job: Job<U>, { data, contentType }: Thumbnail, run: UploadRun<U>): Promise<void> {
    const once = () =>
      callStage(run, {
        ...stage,
        call: ({ cancellation: { signal } }) => settings.storage.write(job.key, data, { contentType, signal }),
        accept: () => {},
        onLate: (late) => void late.then(() => removeOrphans(run)).catch(() => {}),
      });
    await retryBriefly(once, run.signal);
  }
}

/**
 * Every picture that the settings want, with its key.
 *
 * @param failures gets those whose key cannot be used
 * @throws ConfigurationError when two of them have one key
 */
function jobsOf<U extends UploadRecord>(
  run: UploadRun<U>,
  { thumbnail, renditions }: Settings<U>,
  failures: UploadError[],
): readonly Job<U>[] {
  const jobs: Job<U>[] = [];
  const add = (option: string, name: string | undefined, settings: PictureOptions<U>) => {
    try {
      const key = requireDerivedKey(`${option}.key`, settings.key(run.record()), run.storageKey);
      jobs.push({ option, name, settings, key });
    } catch (thrown) {
      failures.push(classifyError(thrown, "thumbnail", "THUMBNAIL_FAILED"));
    }
  };
  if (thumbnail !== false) add("thumbnail", undefined, thumbnail);
  for (const [name, settings] of renditions) add(`renditions.${name}`, name, settings);
  for (const [index, { key, option }] of jobs.entries()) {
    const other = jobs.slice(0, index).find((one) => one.key === key);
    if (other === undefined) continue;
    throw new ConfigurationError(
      `${option}.key: the key ${JSON.stringify(key)} is that of ${other.option}, too; give each picture a key of its own`,
    );
  }
  return jobs;
}

/** Kept at once: when the work ends behind it, what was written is recorded all the same. */
function keepPicture<U extends UploadRecord>(
  run: UploadRun<U>,
  results: Results,
  { name, key }: Job<U>,
  { data, contentType, width, height }: Thumbnail,
): void {
  if (name === undefined) {
    results.thumbnailKey = key;
    run.claim.keep({ thumbnailKey: key });
    return;
  }
  const rendition = { key, width, height, mimeType: contentType, bytes: data.byteLength };
  const renditions = Object.assign({}, mediaOf(picturesOf(run.claim))?.renditions, { [name]: rendition });
  keepFacts(run, results, { renditions });
}

function keepFacts<U extends UploadRecord>(run: UploadRun<U>, results: Results, facts: MediaFacts): void {
  run.media.record(facts);
  results.metadata = { media: run.media.facts() };
  run.claim.keep({ metadata: results.metadata });
}

/** Says which picture it was. */
function failureOf<U extends UploadRecord>({ option, name }: Job<U>, thrown: unknown): UploadError {
  const error = classifyError(thrown, "thumbnail", "THUMBNAIL_FAILED");
  if (name === undefined || isFault(error, "deployment")) return error;
  const { code, fault, stage, retryable, retryAfterMs } = error;
  return new UploadError(`${option}: ${error.message}`, { code, fault, stage, retryable, retryAfterMs, cause: error });
}
