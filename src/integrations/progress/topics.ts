import type { Furthest } from "./furthest.js";
import type { Settings } from "./options.js";
import type { OutageLog } from "./outage-log.js";
import type { Reader } from "./reader.js";
import type { RecentEvents } from "./recent-events.js";
import { readSnapshot } from "./snapshot.js";
import { keyOf, type Subject } from "./subject.js";
import { Topic } from "./topic.js";

/** So many that nobody watches are kept: for who polls them, and for streams that are about to begin. */
const MOST_IDLE = 1000;

/** What is watched now, or was asked for lately. */
export class Topics {
  readonly #watched = new Map<string, Topic>();
  /** By when they were asked for last. */
  readonly #idle = new Map<string, Topic>();

  constructor(
    private readonly settings: Settings,
    private readonly recent: RecentEvents,
    private readonly furthest: Furthest,
    private readonly outage: OutageLog,
  ) {}

  /** That of a subject that is asked for. */
  of(subject: Subject): Topic {
    const key = keyOf(subject);
    const watched = this.#watched.get(key);
    if (watched !== undefined) return watched;
    const topic = this.#idle.get(key) ?? this.#create(subject);
    this.#keepIdle(topic);
    return topic;
  }

  /** That of a subject which has this reader from now on. It need not be the one that was asked for before: that may be forgotten. */
  watch(subject: Subject, reader: Reader): Topic {
    const topic = this.of(subject);
    this.#idle.delete(topic.key);
    this.#watched.set(topic.key, topic);
    topic.readers.add(reader);
    return topic;
  }

  leave(topic: Topic, reader: Reader): void {
    topic.leave(reader);
    if (topic.readers.size > 0) return;
    this.#watched.delete(topic.key);
    this.#keepIdle(topic);
  }

  get watched(): ReadonlyMap<string, Topic> {
    return this.#watched;
  }

  *[Symbol.iterator](): Generator<Topic, void, undefined> {
    yield* this.#watched.values();
    yield* this.#idle.values();
  }

  #keepIdle(topic: Topic): void {
    this.#idle.delete(topic.key);
    this.#idle.set(topic.key, topic);
    const [oldest] = this.#idle.keys();
    if (this.#idle.size > MOST_IDLE && oldest !== undefined) this.#idle.delete(oldest);
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
}
