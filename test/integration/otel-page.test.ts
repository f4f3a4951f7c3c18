import { readFileSync } from "node:fs";
import { DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import { beforeAll, describe, expect, test } from "vitest";
import { type AIAdapter, BatchProcessor, createRuntime } from "../../src/index.js";
import { telemetry } from "../../src/integrations/otel.js";
import { ids, worldOf } from "../support/fakes.js";
import { memorySdk } from "../support/telemetry.js";

const page = readFileSync(new URL("../../src/integrations/otel.md", import.meta.url), "utf8");

/** The cells of a table below a heading, by the name in the first of them. */
function rowsUnder(heading: string): Map<string, readonly string[]> {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const rows = (section.split("\n## ", 1)[0] ?? "").matchAll(/^\| `(.+?)` \| (.+) \|$/gm);
  return new Map([...rows].map(([, name = "", cells = ""]) => [name, cells.split(" | ")]));
}

const namesIn = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name).sort();

/** As the page calls it. */
function instrumentOf(metric: MetricData): string {
  if (metric.dataPointType === DataPointType.HISTOGRAM) return "histogram";
  if (metric.dataPointType !== DataPointType.SUM) throw new Error(`unexpected: ${metric.dataPointType}`);
  return metric.isMonotonic ? "counter" : "up-down counter";
}

/** What a batch emits that has everything: models, prices, failures, a second attempt, an outage that it gives up on. */
const spans = new Map<string, Set<string>>();
const metrics = new Map<string, { readonly cells: readonly string[]; readonly attributes: Set<string> }>();

beforeAll(async () => {
  let end = async () => {};
  const sdk = memorySdk((ending) => {
    end = ending;
  });
  const world = worldOf(ids(3));
  const ai: AIAdapter = { ...world.ai, price: () => 1 };
  const told = { text: "words", usage: { model: "eyes", inputTokens: 1 } };
  world.ai.describe.mockResolvedValue(told);
  world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("refused"), { status: 400 }));
  world.ai.embed.mockResolvedValueOnce({ vector: [1, 2], usage: { model: "vectors" } });
  world.ai.embed.mockRejectedValue(Object.assign(new Error("down"), { status: 503 }));
  const runtime = createRuntime({ breaker: { cooldownMs: 1, giveUpAfterMs: 0 } });
  const retry = { minTimeout: 1, maxAttempts: 2 };
  const processor = new BatchProcessor({ ...world, ai, retry, runtime, concurrency: 1, plugins: [telemetry(sdk.to)] });
  expect(await processor.process("batch")).toMatchObject({ error: { code: "CIRCUIT_OPEN" } });
  for (const { name, attributes } of sdk.spans()) {
    const row = name === "upload.process" || name === "upload.batch" ? name : "upload.<stage>";
    if (!spans.has(row)) spans.set(row, new Set());
    for (const attribute of Object.keys(attributes)) spans.get(row)?.add(attribute);
  }
  for (const metric of await sdk.collect()) {
    const { name, unit } = metric.descriptor;
    const attributes = new Set(metric.dataPoints.flatMap((point) => Object.keys(point.attributes)));
    metrics.set(name, { cells: [instrumentOf(metric), `\`${unit}\``], attributes });
  }
  await processor.close();
  return end;
});

describe("the page on telemetry", () => {
  test("tells every span, with its attributes, and no other", () => {
    const told = [...rowsUnder("Spans")].map(([name, cells]) => [name, namesIn(cells[2])]);
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries([...spans].map(([name, attributes]) => [name, [...attributes].sort()])),
    );
  });

  test("tells every metric, with its instrument, unit and attributes, and no other", () => {
    const told = [...rowsUnder("Metrics")].map(([name, cells]) => [name, cells.slice(0, 2), namesIn(cells[2])]);
    const seen = [...metrics].map(([name, { cells, attributes }]) => [name, cells, [...attributes].sort()]);
    expect(told.sort()).toEqual(seen.sort());
  });
});
