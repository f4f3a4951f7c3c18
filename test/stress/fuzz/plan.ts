/** Photographs and media fixtures; or videos, which need ffmpeg, or HEIC: both take longer. */
export type Kind = "images" | "videos" | "heic";

/** What a worker is to do. */
export interface WorkerPlan {
  readonly seed: number;
  /** What is damaged. */
  readonly kind: Kind;
  /** The cases from `from` to below `to`, every `step`-th of them. */
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** Where it may write. */
  readonly folder: string;
  /** For the tests of the fuzzing itself: the numbers of cases that crash, hang, or reject something nobody handles. */
  readonly sabotage?: { readonly crash?: number; readonly hang?: number; readonly reject?: number } | undefined;
}

/** What a worker tells, one a line. */
export type Message =
  | { readonly begun: number }
  | { readonly done: number; readonly outcome: string; readonly problem?: string; readonly peakMiB: number };
