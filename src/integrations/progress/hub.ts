import type { ReceivedEvent } from "../../index.js";
import { Furthest } from "./furthest.js";
import type { Settings } from "./options.js";
import { OutageLog } from "./outage-log.js";
import { Reader, type Sink } from "./reader.js";
import { RecentEvents } from "./recent-events.js";
import { HEARTBEAT } from "./server-sent.js";
import { keysOf, type Subject } from "./subject.js";
import { Subscription } from "./subscription.js";
import type { Topic } from "./topic.js";
import { Topics } from "./topics.js";

/** Events are sent together, at most so often: with a thousand streams each sending costs a thousand writes. */
const FLUSH_MS = 50;

/** One stream, as its response sees it. */
export interface OpenStream {
  /** What was written has been read. */
  onRoom(): void;
  /** Nobody reads it any more. */
  leave(): void;
}

const ENDED: OpenStream = { onRoom: () => {}, leave: () => {} };

/** Brings events from the channel to the streams, each to those who may see it. */
export class Hub {
  readonly #recent = new RecentEvents();
  readonly #furthest = new Furthest();
  readonly #topics: Topics;
  readonly #subscription: Subscription;
  readonly #toFlush = new Set<Topic>();
  readonly #heartbeatMs: number;
  #readers = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushedAt = 0;
  #isClosed = false;

  constructor(settings: Settings) {
    const { channel, logger, heartbeatMs } = settings;
    const unread = new OutageLog(logger, "how uploads stand cannot be read: streams go on with what they are told");
    const unheard = new OutageLog(
      logger,
      "the channel of progress cannot be subscribed to: streams get snapshots alone",
    );
    this.#heartbeatMs = heartbeatMs;
    this.#topics = new Topics(settings, this.#recent, this.#furthest, unread);
    this.#subscription = new Subscription(
      channel,
      (event) => this.#receive(event),
      () => this.#startAnew(),
      unheard,
    );
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when events are heard, or after a while. @throws ConfigurationError of the channel */
  listen(): Promise<void> {
    return this.#subscription.ensure();
  }

  topicOf(subject: Subject): Topic {
    return this.#topics.of(subject);
  }

  /** The place of the event that a stream has seen last, if it is known here. */
  placeOf(id: string | null): number | undefined {
    return this.#recent.placeOf(id);
  }

  /** Adds a stream of a subject. `begin` gives it what it begins with. */
  open(subject: Subject, sink: Sink, begin: (reader: Reader, topic: Topic) => void): OpenStream {
    if (this.#isClosed) {
      sink.end(false);
      return ENDED;
    }
    const reader = new Reader(sink);
    const topic = this.#topics.watch(subject, reader);
    this.#readers++;
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#heartbeatMs).unref();
    // At once, so that a client sees that no proxy holds it back.
    reader.write(HEARTBEAT);
    begin(reader, topic);
    return {
      onRoom: () => {
        if (reader.isBehind && topic.readers.has(reader)) void topic.onRoom(reader);
      },
      leave: () => {
        if (!topic.readers.has(reader)) return;
        this.#topics.leave(topic, reader);
        if (--this.#readers > 0) return;
        clearInterval(this.#heartbeat);
        this.#heartbeat = undefined;
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#flushTimer);
    this.#flush();
    for (const topic of this.#topics) {
      for (const reader of topic.readers) reader.end();
      topic.close();
    }
    await this.#subscription.close();
  }

  #receive(event: ReceivedEvent): void {
    if (this.#isClosed) return;
    const recent = this.#recent.add(this.#furthest.add(event));
    for (const key of keysOf(event)) {
      const topic = this.#topics.watched.get(key);
      if (topic === undefined) continue;
      topic.add(recent);
      this.#toFlush.add(topic);
    }
    if (this.#toFlush.size === 0) return;
    const waitMs = Math.max(0, this.#flushedAt + FLUSH_MS - performance.now());
    this.#flushTimer ??= setTimeout(() => this.#flush(), waitMs).unref();
  }

  #flush(): void {
    this.#flushTimer = undefined;
    this.#flushedAt = performance.now();
    for (const topic of this.#toFlush) topic.flush();
    this.#toFlush.clear();
  }

  #startAnew(): void {
    this.#recent.forget();
    for (const topic of this.#topics) topic.startAnew();
  }

  /** Channels may lose events without knowing: so each stream is looked after now and then. */
  #beat(): void {
    void this.#subscription.ensure().catch(() => {});
    for (const topic of this.#topics.watched.values()) {
      for (const reader of topic.readers) if (!reader.beat(HEARTBEAT)) reader.end();
      void topic.refresh();
    }
  }
}
