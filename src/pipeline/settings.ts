import type { Cancellation } from "../async/cancellation.js";
import type { AIAdapter } from "../contracts/ai.js";
import type { Logger } from "../contracts/logger.js";
import type { Stage } from "../contracts/stage.js";
import type { StorageAdapter } from "../contracts/storage.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { UploadEventEmitter } from "../event-emitter.js";
import type { DecoderTable } from "../media/decoders.js";
import type {
  EngineAttempt,
  FactsOptions,
  InputOptions,
  LeaseOptions,
  RetryOptions,
  TimeoutOptions,
  VisionOptions,
} from "../options.js";
import type { Around, Plugin } from "../plugins.js";
import type { Breaker } from "../runtime/breaker.js";
import type { Budget } from "../runtime/budget.js";
import type { Ledger } from "../runtime/ledger.js";
import type { SharedRuntime } from "../runtime/runtime.js";
import type { UploadMemory } from "../runtime/upload-memory.js";
import type { Models } from "./chain.js";
import type { PictureOptions } from "./picture-options.js";
import type { ReliableRepository } from "./reliable-repository.js";

export type Complete<Options> = { readonly [Key in keyof Options]-?: Exclude<Options[Key], undefined> };

/** What a run over many uploads adds to the work on each. */
export interface RunContext {
  /** Books every call of the run. */
  readonly ledger: Ledger;
  readonly budget: Budget | undefined;
  /** A call under a budget had no price: no further one is made. */
  unpriced: UploadError | undefined;
  /** Resolves when the service is found well, or was not asked; asked before the run's first call. */
  readonly ready: (cancellation: Cancellation) => Promise<void> | undefined;
  /** Models of a chain that the deployment lacks, by their places: each is told once. */
  readonly missing: Set<number>;
  /** By upload that is held: the breakers of the models that refused it, where others may not be asked for it. */
  readonly refusedBy: Map<string, readonly Breaker[]>;
  /** Whether nothing is left in the run that may still show whether the service is up. */
  readonly isLastOne: () => boolean;
}

/** Adapters and options, checked and complete. */
export interface Settings<U extends UploadRecord> {
  readonly storage: StorageAdapter;
  readonly ai: AIAdapter<U>;
  /** Those of `ai` that describe. */
  readonly models: Models<U>;
  readonly repository: ReliableRepository<U>;
  readonly events: readonly UploadEventEmitter<U>[];
  readonly arounds: readonly Around[];
  readonly plugins: readonly Plugin<U>[];
  readonly retry: Complete<RetryOptions>;
  readonly attempt: EngineAttempt | undefined;
  /** Whether an upload that the service could not do is done later by somebody: a run, an engine, the owner of a runtime. */
  readonly comesBack: boolean;
  readonly run: RunContext | undefined;
  readonly thumbnail: (PictureOptions<U> & { readonly background: string }) | false;
  /** By name, in the order in which they were given. */
  readonly renditions: ReadonlyMap<string, PictureOptions<U>>;
  readonly placeholder: "thumbhash" | undefined;
  readonly facts: Complete<FactsOptions>;
  readonly decoders: DecoderTable;
  readonly vision: Complete<VisionOptions> & { readonly background: string };
  /** Without a limit of pixels it goes by the format. */
  readonly input: Complete<Omit<InputOptions, "limitInputPixels">> & Pick<InputOptions, "limitInputPixels">;
  readonly timeouts: Complete<TimeoutOptions>;
  readonly stages: readonly Stage<U>[];
  readonly runtime: SharedRuntime;
  /** Of the uploads of this repository. */
  readonly memory: UploadMemory;
  readonly breakerOfStorage: Breaker;
  readonly lease: Complete<LeaseOptions>;
  readonly logger: Logger;
}
