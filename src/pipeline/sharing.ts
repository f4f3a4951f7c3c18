import { unheld } from "../async/at-once.js";
import type { UploadRecord } from "../contracts/upload.js";
import { messageOf, type UploadError } from "../errors.js";
import { emitIsolated } from "../event-emitter.js";
import type { UploadEventPayloads } from "../events.js";
import type { Settings } from "./settings.js";

/** What calls and processors do with the runtime that they share, for as long as they are at work. */
type Sharing<U extends UploadRecord> = Pick<Settings<U>, "events" | "plugins" | "runtime" | "logger">;

/** Emits the events of the breaker. @returns what ends that */
export function tellBreaker<U extends UploadRecord>({ events, runtime, logger }: Sharing<U>): () => void {
  if (events.length === 0) return () => {};
  const emit = <Name extends "breaker:opened" | "breaker:closed">(
    name: Name,
    payload: UploadEventPayloads<U>[Name],
  ) => {
    for (const emitter of events) {
      if (emitter.listenerCount(name) === 0) continue;
      emitIsolated(emitter, name, payload, (error) => logger.warn({ error }, `a listener of ${name} failed`));
    }
  };
  return runtime.listen({
    opened: (error: UploadError, until: number) => {
      const type = "breaker:opened";
      emit(type, { type, at: Date.now(), error, until });
    },
    closed: () => {
      const type = "breaker:closed";
      emit(type, { type, at: Date.now() });
    },
  });
}

/** Attaches the plugins to the runtime. @returns what undoes it */
export function attachPlugins<U extends UploadRecord>({ plugins, runtime, logger }: Sharing<U>): () => void {
  const guarded = (work: () => unknown): unknown => {
    const failed = (error: unknown) => logger.warn({ error }, `a plugin's attach failed: ${messageOf(error)}`);
    try {
      return unheld(work(), failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  };
  const undo = plugins.map((plugin) => guarded(() => plugin.attach?.(runtime)));
  return () => {
    // A processor may be closed more than once.
    for (const each of undo.splice(0)) if (typeof each === "function") guarded(() => each());
  };
}
