import { randomUUID } from "node:crypto";
import type { ReceivedEvent } from "../../index.js";
import { frame } from "./server-sent.js";

/** So many events are kept for those who come back. */
const MOST = 1000;

/** An event with its place in the order. */
export class RecentEvent {
  #frame: string | undefined;

  constructor(
    readonly sequence: number,
    private readonly id: string,
    readonly event: ReceivedEvent,
  ) {}

  /** As it is sent, made when the first one wants it. */
  get frame(): string {
    this.#frame ??= frame(this.event.type, this.event, this.id);
    return this.#frame;
  }
}

/** The events of late, in their order, for streams that were cut off. */
export class RecentEvents {
  /** Another process, or a later one, does not know these events. */
  readonly #name = randomUUID().slice(0, 8);
  #events: RecentEvent[] = [];
  #last = 0;
  /** What came up to here is not known any more. */
  #forgotten = 0;

  /** The place of the last event. */
  get last(): number {
    return this.#last;
  }

  idOf(sequence: number): string {
    return `${this.#name}-${sequence}`;
  }

  /** The place that an id names; `undefined` when it is none of ours. */
  placeOf(id: string | null): number | undefined {
    const [, name, digits] = /^([^-]+)-(\d{1,15})$/.exec(id ?? "") ?? [];
    return name === this.#name && Number(digits) <= this.#last ? Number(digits) : undefined;
  }

  add(event: ReceivedEvent): RecentEvent {
    const sequence = ++this.#last;
    const recent = new RecentEvent(sequence, this.idOf(sequence), event);
    this.#events.push(recent);
    // Now and then, not each time: to take off the first of a list moves all others.
    if (this.#events.length >= 2 * MOST) {
      this.#events = this.#events.slice(-MOST);
      this.#forgotten = (this.#events[0]?.sequence ?? this.#last) - 1;
    }
    return recent;
  }

  /** Some may be missing: who saw what came before has to look again. */
  forget(): void {
    this.#events = [];
    this.#forgotten = ++this.#last;
  }

  /** What came behind that place; `undefined` when not all of it is known. */
  since(sequence: number): readonly RecentEvent[] | undefined {
    if (sequence < this.#forgotten) return undefined;
    const first = this.#events[0]?.sequence ?? 0;
    return this.#events.slice(Math.max(0, sequence + 1 - first)); // without gaps, for `forget` leaves none of them
  }
}
