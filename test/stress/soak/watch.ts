import { readdirSync } from "node:fs";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics } from "node:v8";

/** The memory of this process after so many uploads, in bytes. */
export interface Sample {
  readonly uploads: number;
  readonly bytes: number;
}

export interface Memory {
  /** After each major collection that V8 made by itself, without the space for new objects: what is alive, and little else. */
  readonly heap: Sample[];
  /** What is alive outside the heap by V8's own account: buffers. Taken with the heap. */
  readonly external: Sample[];
  readonly resident: Sample[];
}

/** Writes down how much memory is in use. No collection is forced: that would hide what a user sees. */
export function watchMemory(uploadsDone: () => number): { readonly memory: Memory; readonly stop: () => void } {
  const memory: Memory = { heap: [], external: [], resident: [] };
  const observer = new PerformanceObserver((list) => {
    // What Node documents as PerformanceNodeEntry; its types are of an older one.
    const entries: (PerformanceEntry & { readonly detail?: { readonly kind?: number } })[] = list.getEntries();
    const major = entries.some(({ detail }) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR);
    if (!major) return;
    const uploads = uploadsDone();
    memory.heap.push({ uploads, bytes: oldObjects() });
    memory.external.push({ uploads, bytes: process.memoryUsage().external });
  });
  observer.observe({ entryTypes: ["gc"] });
  const timer = setInterval(() => {
    memory.resident.push({ uploads: uploadsDone(), bytes: process.memoryUsage.rss() });
  }, 500);
  timer.unref();
  const stop = () => {
    clearInterval(timer);
    observer.disconnect();
  };
  return { memory, stop };
}

/** Whatever is kept for long comes here; new objects, most of them garbage by the time that this is read, are elsewhere. */
function oldObjects(): number {
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => !name.startsWith("new_"));
  return spaces.reduce((sum, { space_used_size: size }) => sum + size, 0);
}

/** What keeps the event loop alive, and how many of each. */
export function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** How many file descriptors are open; `null` where there is no /proc. */
export function openFiles(): number | null {
  try {
    return readdirSync("/proc/self/fd").length - 1; // one of them is for this very folder
  } catch {
    return null;
  }
}
