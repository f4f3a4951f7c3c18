import progress, { type Options, type Params, type SingleBar } from "cli-progress";
import type { BatchProgressEvent, UploadProgressEvent } from "upload-processor";
import { cut, cutStart, cyan, dim, green, photographs, red, yellow } from "./text.js";
import { type MakeView, outcome, standing } from "./view.js";

/** More than this, and only what went wrong gets a line that stays. */
const LINES_THAT_STAY = 100;
const NAME_WIDTH = 26;
const BAR_WIDTH = { least: 8, most: 24 };
/** What stands beside name and bar, in columns: `100 %  1234 of 5678, 12/s, 10 min 30 s left`. */
const TEXT_WIDTH = 40;

const DOING: Readonly<Record<string, string>> = {
  claim: "starting",
  open: "opening",
  thumbnail: "thumbnail",
  describe: "describing",
  embed: "embedding",
  save: "saving",
};

/** On a terminal: a line for every photograph in flight and one for all of them; above them, what is settled. */
export const terminalView: MakeView = (processor, { open, concurrency, nameOf }) => {
  // A run that was killed may have left the terminal without cursor and line breaks.
  process.stdout.write("\x1b[?25h\x1b[?7h");
  const bars = new progress.MultiBar({
    stream: process.stdout,
    hideCursor: true,
    clearOnComplete: true,
    forceRedraw: true, // what is said moves the bars down
    barsize: BAR_WIDTH.most,
    barCompleteChar: "━",
    barIncompleteChar: "─",
  });
  const slots = Array.from({ length: Math.min(open, concurrency) }, () =>
    bars.create(100, 0, {}, { format: photographLine }),
  );
  const batch = bars.create(100, 0, {}, { format: batchLine });
  const free = [...slots];
  const inFlight = new Map<string, SingleBar>();
  const width = () => process.stdout.columns ?? 80;

  const say = (line: string) => bars.log(`${line}\x1b[K\n`);
  const sayOf = (mark: string, uploadId: string, text: string) => {
    const name = cutStart(nameOf(uploadId), NAME_WIDTH).padEnd(NAME_WIDTH);
    say(`  ${mark} ${name}  ${dim(cut(text, width() - NAME_WIDTH - 7))}`);
  };

  processor.on("upload:progress", (event) => {
    const bar = inFlight.get(event.uploadId) ?? free.shift();
    if (bar === undefined) return;
    inFlight.set(event.uploadId, bar);
    bar.update(event.progress, { event });
  });
  processor.on("upload:settled", (result) => {
    const { uploadId } = result;
    const bar = inFlight.get(uploadId);
    if (bar !== undefined && inFlight.delete(uploadId)) {
      bar.update(0, { event: undefined });
      free.unshift(bar);
    }
    if (result.status === "failed") sayOf(red("✗"), uploadId, outcome(result));
    else if (open <= LINES_THAT_STAY)
      sayOf(result.status === "completed" ? green("✓") : dim("·"), uploadId, outcome(result));
  });
  processor.on("upload:warning", ({ uploadId, error }) => sayOf(yellow("!"), uploadId, error.message));
  processor.on("batch:progress", (event) => batch.update(event.percentage ?? 0, { event }));

  return {
    say,
    [Symbol.dispose]() {
      bars.update(); // what was said last is not on the screen yet
      bars.stop();
    },
  };
};

function photographLine(options: Options, params: Params, { event }: { event?: UploadProgressEvent }): string {
  if (event === undefined) return "";
  const name = cutStart(event.fileName ?? event.uploadId, NAME_WIDTH).padEnd(NAME_WIDTH);
  return cutLine(`    ${name}  `, options, params, event.message ?? DOING[event.stage] ?? event.stage);
}

function batchLine(options: Options, params: Params, { event }: { event?: BatchProgressEvent }): string {
  if (event === undefined) return "";
  const title = photographs(event.total ?? 0).padEnd(NAME_WIDTH);
  return cutLine(`    ${title}  `, options, params, standing(event));
}

function cutLine(title: string, options: Options, { progress: value, maxWidth }: Params, text: string): string {
  const barsize = Math.max(BAR_WIDTH.least, Math.min(BAR_WIDTH.most, maxWidth - title.length - TEXT_WIDTH));
  const bar = progress.Format.BarFormat(value, { ...options, barsize });
  const percent = `${Math.floor(value * 100)} %`.padStart(5);
  const room = maxWidth - title.length - barsize - percent.length - 4;
  return `${title}${cyan(bar)} ${percent}  ${dim(cut(text, room))}`;
}
