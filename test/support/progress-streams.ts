import type { UploadRecord } from "../../src/index.js";
import { serializeEvent, type UploadEvent } from "../../src/index.js";
import type { Channel } from "../../src/integrations/progress.js";

export interface Frame {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The events of a stream, as they come; comments are left out. */
export async function* framesOf(response: Response): AsyncGenerator<Frame> {
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, , id, type, data] = /^(id: (.*)\n)?event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (type !== undefined && data !== undefined) yield { id, type, data: JSON.parse(data) };
    }
  }
}

/** The next event of a stream, and the next of a type. */
export async function nextOf(frames: AsyncGenerator<Frame>, ...types: readonly string[]): Promise<Frame> {
  for (;;) {
    const { value, done } = await frames.next();
    if (done === true) throw new Error("the stream has ended");
    if (types.length === 0 || types.includes(value.type)) return value;
  }
}

/** Publishes that an upload is so far. */
export function progressOf(uploadId: string, progress: number, fields: Record<string, unknown> = {}) {
  const event = { type: "upload:progress", uploadId, batchId: "batch", at: Date.now(), progress, stage: "describe" };
  const rest = { status: "analyzing", attempt: 1, fileName: null, fileSize: null, estimated: false };
  return serializeEvent({ ...event, ...rest, ...fields } as unknown as UploadEvent);
}

/** Publishes that an upload has settled. */
export function settledOf(upload: UploadRecord, fields: readonly string[] = []) {
  const of = { uploadId: upload.id, batchId: upload.batchId ?? null, at: Date.now(), attempts: 1, durationMs: 1 };
  const rest = { type: "upload:settled", status: "completed", warnings: [], stages: [], usage: {}, upload };
  return serializeEvent({ ...of, ...rest } as unknown as UploadEvent, { fields });
}

/** A channel that counts its subscriptions, and can be told of a gap. */
export function countedChannel(channel: Channel) {
  const gaps = new Set<() => void>();
  const counted = {
    subscribed: 0,
    gap: () => {
      for (const onGap of gaps) onGap();
    },
    publish: (event: Parameters<Channel["publish"]>[0]) => channel.publish(event),
    subscribe: async (...[onEvent, onGap]: Parameters<Channel["subscribe"]>) => {
      counted.subscribed++;
      gaps.add(onGap);
      const unsubscribe = await channel.subscribe(onEvent, onGap);
      return async () => {
        counted.subscribed--;
        gaps.delete(onGap);
        await unsubscribe();
      };
    },
  };
  return counted;
}
