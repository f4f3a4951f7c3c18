import type { Evaluated } from "./evaluate.js";

const HEADINGS = [
  "photo",
  "recall",
  "language",
  "quality",
  "seconds",
  "calls",
  "tokens in",
  "tokens out",
  "cost",
  "missed",
];

/** A table in Markdown, with a line for all photographs at its end. */
export function tableOf(evaluated: readonly Evaluated[]): string {
  const rows = evaluated.map((one) => [
    one.photo,
    `${one.recall.told.length} of ${one.recall.told.length + one.recall.missed.length}`,
    one.language,
    one.score.toFixed(2),
    one.seconds.toFixed(2),
    ...[one.requests, one.inputTokens, one.outputTokens].map((figure) => told(figure)),
    told(one.cost, 5),
    one.recall.missed.join(", "),
  ]);
  const cells = [HEADINGS, HEADINGS.map(() => "---"), ...rows, totals(evaluated)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  return cells
    .map(
      (row) =>
        `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, cell === "---" ? "-" : " ")).join(" | ")} |`,
    )
    .join("\n");
}

function totals(evaluated: readonly Evaluated[]): string[] {
  const toldCount = sumOf(evaluated.map(({ recall }) => recall.told.length)) ?? 0;
  const missedCount = sumOf(evaluated.map(({ recall }) => recall.missed.length)) ?? 0;
  return [
    "all",
    (toldCount / Math.max(1, toldCount + missedCount)).toFixed(2),
    [...new Set(evaluated.map(({ language }) => language))].join(", "),
    ((sumOf(evaluated.map(({ score }) => score)) ?? 0) / Math.max(1, evaluated.length)).toFixed(2),
    (sumOf(evaluated.map(({ seconds }) => seconds)) ?? 0).toFixed(2),
    told(sumOf(evaluated.map(({ requests }) => requests))),
    told(sumOf(evaluated.map(({ inputTokens }) => inputTokens))),
    told(sumOf(evaluated.map(({ outputTokens }) => outputTokens))),
    told(sumOf(evaluated.map(({ cost }) => cost)), 5),
    "",
  ];
}

/** What is not told by any is not told for all. */
function sumOf(figures: readonly (number | undefined)[]): number | undefined {
  const known = figures.filter((figure) => figure !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, figure) => sum + figure, 0);
}

function told(figure: number | undefined, decimals = 0): string {
  return figure === undefined ? "–" : figure.toFixed(decimals);
}
