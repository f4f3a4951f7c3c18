import type { UploadRecord } from "../contracts/upload.js";
import { emitIsolated } from "../event-emitter.js";
import type { UploadEventName, UploadEventPayloads } from "../events.js";
import type { Settings } from "../pipeline/settings.js";

type BatchEventName = Extract<UploadEventName, `batch:${string}`>;

/** The events of one run, under the id of its batch or its label. */
export class BatchEvents<U extends UploadRecord> {
  constructor(
    private readonly settings: Pick<Settings<U>, "events" | "logger">,
    readonly batchId: string | null,
  ) {}

  isHeard(event: BatchEventName): boolean {
    return this.settings.events.some((emitter) => emitter.listenerCount(event) > 0);
  }

  emit<Name extends BatchEventName>(
    type: Name,
    fields: Omit<UploadEventPayloads<U>[Name], "type" | "batchId" | "at">,
  ): void {
    const { events, logger } = this.settings;
    const { batchId } = this;
    const payload = { type, batchId, at: Date.now(), ...fields } as unknown as UploadEventPayloads<U>[Name];
    for (const emitter of events) {
      emitIsolated(emitter, type, payload, (error) => logger.warn({ batchId, error }, `a listener of ${type} failed`));
    }
  }
}
