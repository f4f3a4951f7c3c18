import type { UploadRecord } from "../contracts/upload.js";
import { UploadEventEmitter } from "../event-emitter.js";
import type { UploadEventName } from "../events.js";
import type { ProcessOptions } from "../options.js";
import { EVENT_NAMES, type Plugin } from "../plugins.js";
import { aFunction, expected, optional, requireKnown, requireMembers } from "../validate.js";

/** @throws ConfigurationError for what is no plugin */
export function resolvePlugins<U extends UploadRecord>(plugins: readonly Plugin<U>[]): readonly Plugin<U>[] {
  if (!Array.isArray(plugins)) throw expected("plugins", "an array", plugins);
  for (const [index, plugin] of plugins.entries()) {
    const name = `plugins[${index}]`;
    requireMembers(name, plugin, []);
    requireKnown(name, plugin, ["around", "on", "attach"]);
    optional(`${name}.around`, plugin.around, aFunction, "a function");
    optional(`${name}.attach`, plugin.attach, aFunction, "a function");
    requireListeners(`${name}.on`, plugin.on);
  }
  return [...plugins];
}

/** A listener of an event that there is not would never be called. */
function requireListeners(name: string, on: Plugin["on"]): void {
  if (on === undefined) return;
  requireMembers(name, on, []);
  requireKnown(name, on, EVENT_NAMES);
  for (const [event, listener] of Object.entries(on)) optional(`${name}.${event}`, listener, aFunction, "a function");
}

/** A callback for progress, and a plugin's listeners, are listeners like any other: isolated from the work. */
export function emitters<U extends UploadRecord>(
  { events, onProgress }: Pick<ProcessOptions<U>, "events" | "onProgress">,
  plugins: readonly Plugin<U>[],
): UploadEventEmitter<U>[] {
  const all = events === undefined ? [] : [events];
  if (onProgress !== undefined) all.push(new UploadEventEmitter<U>().on("upload:progress", onProgress));
  for (const { on } of plugins) {
    if (on === undefined) continue;
    const emitter = new UploadEventEmitter<U>();
    for (const [event, listener] of Object.entries(on)) {
      if (listener !== undefined) emitter.on(event as UploadEventName, listener as (event: unknown) => unknown);
    }
    all.push(emitter);
  }
  return all;
}
