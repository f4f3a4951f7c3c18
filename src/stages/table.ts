import type { UploadRecord } from "../contracts/upload.js";
import { bandsOf } from "../pipeline/progress.js";
import type { Settings } from "../pipeline/settings.js";
import { customStage } from "./custom.js";
import { describeStage } from "./describe.js";
import { embedStage } from "./embed.js";
import { pictureStage } from "./pictures.js";
import type { StageRow } from "./stage.js";

/** The stages of an upload in their order, the user's own among the built-in ones. */
export interface StageTable<U extends UploadRecord> {
  readonly rows: readonly StageRow<U>[];
  /** What each of them moves the progress from and to. */
  readonly bands: ReturnType<typeof bandsOf>;
}

export function stageTable<U extends UploadRecord>(settings: Settings<U>): StageTable<U> {
  const rows: StageRow<U>[] = [];
  const add = (place: "thumbnail" | "describe" | "embed" | "save", builtIn?: StageRow<U>) => {
    for (const stage of settings.stages) {
      if ((stage.before ?? "describe") === place) rows.push(customStage(stage, settings));
    }
    if (builtIn !== undefined) rows.push(builtIn);
  };
  add("thumbnail", pictureStage(settings));
  add("describe", describeStage(settings));
  add("embed", embedStage(settings));
  add("save");
  return { rows, bands: bandsOf(rows) };
}
