import type { Furthest } from "./furthest.js";
import type { Settings } from "./options.js";
import type { OutageLog } from "./outage-log.js";
import type { RecentEvents } from "./recent-events.js";
import { readSnapshot } from "./snapshot.js";
import { keyOf, type Subject } from "./subject.js";
import { Topic } from "./topic.js";

/** So many that nobody has a stream of are kept, for who polls them. */
const MOST_IDLE = 1000;

/** What is watched now, or was lately. */
export class Topics {
  readonly #all = new Map<string, Topic>();

  constructor(
    private readonly settings: Settings,
    private readonly recent: RecentEvents,
    private readonly furthest: Furthest,
    private readonly outage: OutageLog,
  ) {}

  /** Those of a subject that is asked for. */
  of(subject: Subject): Topic {
    const key = keyOf(subject);
    const known = this.#all.get(key);
    // The order is by when they were asked for last.
    this.#all.delete(key);
    const topic = known ?? this.#create(subject);
    this.#all.set(key, topic);
    this.#forgetIdle();
    return topic;
  }

  get(key: string): Topic | undefined {
    return this.#all.get(key);
  }

  [Symbol.iterator](): Iterator<Topic> {
    return this.#all.values();
  }

  #create(subject: Subject): Topic {
    return new Topic(subject, this.recent, this.furthest, async (lately) => {
      try {
        const snapshot = await readSnapshot(this.settings.repository, subject, lately);
        this.outage.succeeded();
        return snapshot;
      } catch (error) {
        this.outage.failed(error);
        throw error;
      }
    });
  }

  #forgetIdle(): void {
    if (this.#all.size <= MOST_IDLE) return;
    for (const [key, topic] of this.#all) {
      if (topic.readers.size > 0) continue;
      this.#all.delete(key);
      return;
    }
  }
}
