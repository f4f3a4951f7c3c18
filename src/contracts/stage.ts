import type { Media, StageContext } from "./ai.js";
import type { UploadRecord } from "./upload.js";

/** What a stage may answer: an object, but no list, `Map` or `Set`; or nothing. */
export type StageAnswer = (object & { readonly [Symbol.iterator]?: never }) | void;

/** A stage of your own, made by `defineStage`. What it answers is its checkpoint: `metadata[name]`, read with `stageResult`. */
export interface Stage<U extends UploadRecord = UploadRecord, R extends StageAnswer = StageAnswer> {
  /** Letters, digits, `-` and `_`; not the name of a built-in stage, nor one of the library's keys in `metadata`. */
  readonly name: string;
  /** Before which of the built-in stages it runs. @default "describe" */
  readonly before?: "thumbnail" | "describe" | "embed" | "save" | undefined;
  /**
   * `false`: its failure is a warning, `REJECTED` aside. In a redo the old result stays then; but what was made behind a
   * description that is replaced, before `"embed"` or `"save"`, becomes `null`. @default true
   */
  readonly required?: boolean | undefined;
  /** From winning its slot, in milliseconds. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /** Calls at once, over all uploads of one runtime. @default no limit */
  readonly concurrency?: number | undefined;
  /**
   * `media.upload` carries what earlier stages made. Throwing `new UploadError("…", { code: "REJECTED" })` settles the upload as
   * `failed`; anything else is `STAGE_FAILED`, tried again by its kind. Answering nothing is stored as `{}`. Where `run` reads columns of your own, say so with
   * `media: Media<MyRecord>`; a literal in `stages` needs no such word.
   */
  readonly run: (media: Media<U>, context: StageContext) => Promise<R>;
}
