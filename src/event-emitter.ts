import { EventEmitter } from "eventemitter3";
import { unheld } from "./async/at-once.js";
import type { UploadRecord } from "./contracts/upload.js";
import type { UploadEventMap, UploadEventName, UploadEventPayloads } from "./events.js";

type AnyListener = (payload: never) => unknown;
type ReportListenerError = (thrown: unknown) => void;

/** Where the emission that is under way reports listeners that throw; captured by each listener, so that rejections find it too. */
let reportListenerError: ReportListenerError | undefined;

/**
 * Emits the events of uploads and batches. Listeners cannot influence the work or each other: one that throws or rejects is
 * reported as `upload:warning`, and the others still run.
 *
 * @example
 * const events = new UploadEventEmitter();
 * events.on("upload:progress", ({ uploadId, progress }) => console.log(uploadId, progress));
 * await processUploadWithRetry(upload, adapters, { events });
 */
export class UploadEventEmitter<U extends UploadRecord = UploadRecord> extends EventEmitter<UploadEventMap<U>> {
  /**
   * For the types alone: an emitter for other records is refused, and one for any record is not. As a method's, its argument is compared
   * in both directions.
   */
  declare protected readonly forRecords?: { of(record: U): void }["of"];
  /** eventemitter3 stops at a listener that throws, so each is held in a wrapper; the same one always, or `off` would not find it. */
  readonly #wrappers = new WeakMap<AnyListener, AnyListener>();

  override on<Name extends UploadEventName>(
    event: Name,
    listener: EventEmitter.EventListener<UploadEventMap<U>, Name>,
    context?: unknown,
  ): this {
    return super.on(event, this.#wrap(listener), context);
  }

  override once<Name extends UploadEventName>(
    event: Name,
    listener: EventEmitter.EventListener<UploadEventMap<U>, Name>,
    context?: unknown,
  ): this {
    return super.once(event, this.#wrap(listener), context);
  }

  override removeListener<Name extends UploadEventName>(
    event: Name,
    listener?: EventEmitter.EventListener<UploadEventMap<U>, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    // eventemitter3 takes a `once` listener off by the wrapper itself, which is not in the map.
    const wrapper =
      listener && ((this.#wrappers.get(listener as AnyListener) as typeof listener | undefined) ?? listener);
    return super.removeListener(event, wrapper, context, once);
  }

  override addListener<Name extends UploadEventName>(
    event: Name,
    listener: EventEmitter.EventListener<UploadEventMap<U>, Name>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  override off<Name extends UploadEventName>(
    event: Name,
    listener?: EventEmitter.EventListener<UploadEventMap<U>, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.removeListener(event, listener, context, once);
  }

  #wrap<Listener>(listener: Listener): Listener {
    if (typeof listener !== "function") return listener;
    const original = listener as unknown as AnyListener;
    let wrapper = this.#wrappers.get(original);
    if (wrapper === undefined) {
      wrapper = function isolated(this: unknown, payload: never) {
        const report = reportListenerError;
        try {
          const returned = original.call(this, payload);
          if (report) unheld(returned, report);
        } catch (thrown) {
          if (report === undefined) throw thrown;
          report(thrown);
        }
      };
      this.#wrappers.set(original, wrapper);
    }
    return wrapper as unknown as Listener;
  }
}

/** Emits one event, frozen; whatever a listener throws goes to `report`, now or when it rejects. */
export function emitIsolated<U extends UploadRecord, Name extends UploadEventName>(
  emitter: EventEmitter<UploadEventMap<U>>,
  event: Name,
  payload: UploadEventPayloads<U>[Name],
  report: ReportListenerError,
): void {
  const outer = reportListenerError;
  reportListenerError = report;
  try {
    emitter.emit(event, ...([Object.freeze(payload)] as unknown as EventEmitter.EventArgs<UploadEventMap<U>, Name>));
  } catch (thrown) {
    report(thrown); // an emitter of the user's own, which does not isolate its listeners
  } finally {
    reportListenerError = outer;
  }
}
