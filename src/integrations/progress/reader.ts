/** Where the bytes of one stream go. */
export interface Sink {
  /** Whether what is written now is sent soon. */
  readonly hasRoom: boolean;
  write(bytes: Uint8Array): void;
  /** `isStuck`: what was written will not be read, so there is no sense in waiting for it. */
  end(isStuck: boolean): void;
}

/** More than so many bytes are not kept for a stream that is read slowly. */
export const MOST_BUFFERED = 64 * 1024;

/** So many heartbeats without room, and a stream is given up: nobody reads it. */
const MOST_STALLED = 4;

/** One stream. While it is behind it gets no events, until it is given a snapshot. */
export class Reader {
  isBehind = true;
  /** The snapshot that it was given last, as text. */
  shown: string | undefined;
  #stalled = 0;

  constructor(private readonly sink: Sink) {}

  get hasRoom(): boolean {
    return this.sink.hasRoom;
  }

  /** Of what comes when there is no room, nothing is kept. */
  write(bytes: Uint8Array): void {
    if (this.sink.hasRoom) this.sink.write(bytes);
    else this.isBehind = true;
  }

  /** @returns whether anybody still reads it */
  beat(heartbeat: Uint8Array): boolean {
    if (this.sink.hasRoom) {
      this.#stalled = 0;
      this.sink.write(heartbeat);
    } else this.#stalled++;
    return this.#stalled < MOST_STALLED;
  }

  end(): void {
    this.sink.end(!this.sink.hasRoom);
  }
}
