import type { DecodedFrame, FramesRequest, MediaDecoder, MediaProbe } from "../../src/index.js";

export interface FakeDecoder extends MediaDecoder {
  /** What it was asked for. */
  readonly requests: FramesRequest[];
  readonly paths: string[];
  /** How many files were probed. */
  probes: number;
  /** How many frames it has made. */
  made: number;
  /** How many of its loops have ended, by themselves or because somebody left. */
  ended: number;
}

interface FakeDecoderOptions {
  readonly mimeTypes?: readonly string[];
  readonly probe?: MediaProbe | (() => Promise<MediaProbe>);
  /** The frames that there are. */
  readonly frames?: readonly DecodedFrame[];
  /** Runs before each frame is given. */
  readonly before?: (request: FramesRequest, index: number) => Promise<void>;
}

/** A decoder of what it is told, which gives frames that were made before. */
export function fakeDecoder(options: FakeDecoderOptions = {}): FakeDecoder {
  const { mimeTypes = ["video/mp4"], frames = [solid([200, 40, 40])], before } = options;
  const decoder: FakeDecoder = {
    mimeTypes,
    requests: [],
    paths: [],
    probes: 0,
    made: 0,
    ended: 0,
    async *frames({ path }, request) {
      decoder.requests.push(request);
      decoder.paths.push(path);
      try {
        for (const [index, frame] of frames.entries()) {
          await before?.(request, index);
          decoder.made++;
          yield frame;
        }
      } finally {
        decoder.ended++;
      }
    },
  };
  const { probe } = options;
  if (probe === undefined) return decoder;
  return Object.assign(decoder, {
    probe: async () => {
      decoder.probes++;
      return typeof probe === "function" ? probe() : probe;
    },
  });
}

/** A frame of one colour. */
export function solid(
  colour: readonly [number, number, number],
  { width = 320, height = 180, timeSeconds = 0 } = {},
): DecodedFrame {
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0; at < pixels.length; at += 3) pixels.set(colour, at);
  return { timeSeconds, pixels, width, height, channels: 3 };
}
