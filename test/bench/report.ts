import { availableParallelism } from "node:os";
import type { Measured } from "./rounds.js";

/** One line of the table. */
export interface Row {
  readonly name: string;
  /** What was measured of the library, with its unit. */
  readonly library: string;
  /** What it is compared with: the bare calls in the same run. */
  readonly bare: string;
  /** What the target is about. */
  readonly measured: Measured;
  readonly unit: string;
  /** Left out where the line is for information alone. */
  readonly target?: Target;
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

export type Benchmark = (options: { readonly quick: boolean }) => Promise<readonly Row[]>;

const WIDTHS = [48, 12, 12, 20, 12, 10] as const;

export function header(): string {
  const title = `Node ${process.versions.node}, ${availableParallelism()} cores`;
  return line([title, "library", "bare", "ratio", "target"]);
}

export function format(row: Row): string {
  const { measured, unit, target } = row;
  const decimals = unit === "×" ? 3 : Number.isInteger(measured.value) ? 0 : 1;
  const value = `${measured.value.toFixed(decimals)}${unit}`;
  const noise = measured.noise > 0 ? ` ±${measured.noise.toFixed(decimals)}` : "";
  const aim =
    target === undefined ? "" : "atLeast" in target ? `≥ ${target.atLeast}${unit}` : `≤ ${target.atMost}${unit}`;
  return line([row.name, row.library, row.bare, value + noise, aim, verdict(row)]);
}

function line([name = "", ...cells]: readonly string[]): string {
  const [first, ...others] = WIDTHS;
  return [name.padEnd(first), ...cells.map((cell, column) => cell.padStart(others[column] ?? 0))].join("").trimEnd();
}

function verdict(row: Row): string {
  if (row.target === undefined) return "";
  return shortfall(row) <= 0 ? "met" : isMissed(row) ? "MISSED" : "in doubt";
}

/** Whether the target is missed by more than the noise. */
export function isMissed(row: Row): boolean {
  return shortfall(row) > row.measured.noise;
}

function shortfall({ measured, target }: Row): number {
  if (target === undefined) return 0;
  return "atLeast" in target ? target.atLeast - measured.value : measured.value - target.atMost;
}
