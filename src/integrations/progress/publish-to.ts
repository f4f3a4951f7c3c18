import { type Plugin, serializeEvent, type UploadEvent, type WireEvent } from "../../index.js";
import { expected, requireMethods, requireOptions } from "../check.js";
import type { Channel } from "./channel.js";
import { LatestEvents } from "./latest-event.js";
import { Outbox } from "./outbox.js";

export interface PublishOptions {
  /**
   * Fields of the record to send when an upload is started and when it is completed, besides `id`: small ones. `fileName` and `fileSize` are
   * sent with its progress too. Everybody who may watch the upload gets them. @default []
   */
  readonly fields?: readonly string[] | undefined;
  /**
   * Whether `usage` is sent: tokens, requests and what they cost. Everybody who may watch gets it, so it stays with the workers unless
   * those are your own people; it is `{}` then. @default false
   */
  readonly usage?: boolean | undefined;
}

/** Uploads that take less are told of by their outcome alone. */
const QUIET_MS = 200;

/**
 * A plugin for workers: publishes their events to a channel, for `progressHandler` to tell.
 *
 * - Of an upload that takes less than 200 ms only the outcome is published; of others each new stage, and at most one event a second
 *   besides, the latest wins. Of batches at most one `batch:progress` a second.
 * - No upload waits for the channel, or fails by it. What a channel rejects is lost, and the logger is warned, once per outage, when
 *   the next upload has settled. One that does not keep up loses the oldest events.
 * - No timer is left when the uploads have settled.
 *
 * @throws ConfigurationError for what is no channel, or no list of fields
 * @example
 * const processor = new BatchProcessor({ storage, ai, repository, plugins: [publishTo(channel, { fields: ["description"] })] });
 */
export function publishTo(channel: Channel, options: PublishOptions = {}): Plugin {
  requireMethods("channel", channel, ["publish"]);
  requireOptions("options", options, ["fields", "usage"]);
  const { fields = [], usage = false } = options;
  if (!Array.isArray(fields) || !fields.every((field) => typeof field === "string"))
    throw expected("fields", "a list of the names of fields", options.fields);
  if (typeof usage !== "boolean") throw expected("usage", "true or false", usage);

  const outbox = new Outbox(channel);
  const send = (event: UploadEvent) => {
    const sent = serializeEvent(event, { fields });
    return outbox.send(usage ? sent : withoutUsage(sent));
  };
  const latest = new LatestEvents((event) => void send(event));
  const ofUpload = ({ uploadId }: { readonly uploadId: string }) => `upload ${uploadId}`;
  const ofBatch = ({ batchId }: { readonly batchId: string | null }) => `batch ${batchId}`;
  /** What a listener throws is told to the logger, and of these events to nobody else: it is no warning of an upload. */
  const sendAndTell = async (event: UploadEvent) => {
    await send(event);
    outbox.tellOutage();
  };

  return {
    on: {
      "upload:started": (event) => latest.begin(ofUpload(event), QUIET_MS, event),
      "upload:progress": (event) => latest.add(ofUpload(event), event),
      "upload:retry": (event) => latest.add(ofUpload(event), event),
      "upload:warning": (event) => latest.add(ofUpload(event), event),
      "upload:settled": (event) => {
        latest.end(ofUpload(event));
        return sendAndTell(event);
      },
      "batch:started": (event) => {
        latest.begin(ofBatch(event), 0);
        return sendAndTell(event);
      },
      "batch:progress": (event) => latest.add(ofBatch(event), event),
      "batch:paused": sendAndTell,
      "batch:resumed": sendAndTell,
      "batch:settled": (event) => {
        latest.end(ofBatch(event));
        return sendAndTell(event);
      },
      "breaker:opened": sendAndTell,
      "breaker:closed": sendAndTell,
    },
  };
}

function withoutUsage(event: WireEvent): WireEvent {
  const { stages } = event;
  return {
    ...event,
    ...("usage" in event && { usage: {} }),
    ...("usageByStage" in event && { usageByStage: {} }),
    ...(Array.isArray(stages) && { stages: stages.map(({ usage: _, ...timing }) => timing) }),
  };
}
