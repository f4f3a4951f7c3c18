import { describe, expect, test } from "vitest";
import { BatchProcessor, processUploadWithRetry } from "../../src/index.js";
import { fakeContext, fakeMedia } from "../../src/testing/index.js";
import { chained, down, isNot, once, plain } from "../support/chains.js";

describe("the log", () => {
  const NEXT = "the next model of the chain is asked";
  const MISSING = "a model of the chain cannot be used in this deployment";
  function logging() {
    const lines: [level: string, message: string, fields: Readonly<Record<string, unknown>>][] = [];
    const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
      lines.push([level, message, fields]);
    };
    const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
    const told = (text: string) => lines.filter(([, message]) => message === text);
    return { logger, told };
  }

  test("tells who was asked in vain, for which upload and why", async () => {
    const { local, adapters } = chained();
    local.describe.mockRejectedValueOnce(Object.assign(new Error("no"), { status: 400 }));
    const { logger, told } = logging();
    await processUploadWithRetry("a", adapters, { ...plain, logger });
    const error = expect.objectContaining({ message: "no" });
    expect(told(NEXT)).toEqual([["info", NEXT, { uploadId: "a", model: "local", error }]]);
    const audit = { check: (text: string) => ({ ...isNot, ok: text.startsWith("cloud") }), maxAsks: 1 };
    await processUploadWithRetry("a", adapters, { ...plain, logger, audit, rerun: "reprocess-all" });
    expect(told(NEXT)[1]).toEqual(["info", NEXT, { uploadId: "a", model: "local", audit: isNot }]);
  });

  test("tells it of a chain that describes by hand, too", async () => {
    const { local, adapters } = chained();
    local.describe.mockRejectedValueOnce(down());
    const { logger, told } = logging();
    const media = fakeMedia();
    await adapters.ai.describe(media, { ...fakeContext(), logger });
    const error = expect.objectContaining({ message: "down" });
    expect(told(NEXT)).toEqual([["info", NEXT, { uploadId: media.upload.id, model: "local", error }]]);
    await media.release();
  });

  test("is not filled by a model that is down: the breaker tells that", async () => {
    const { local, adapters } = chained(8);
    local.describe.mockRejectedValue(down());
    const { logger, told } = logging();
    await new BatchProcessor({ ...adapters, ...once, logger, concurrency: 1, breaker: { threshold: 3 } }).process(
      "batch",
    );
    expect(told(NEXT).map(([level]) => level)).toEqual([...Array(3).fill("info"), ...Array(5).fill("debug")]);
  });

  test.each(["describing", "being asked how it is", "both"])(
    "tells once in a run of a model that is missing at %s",
    async (at) => {
      const missing = async () => Promise.reject(down({ status: 404 }));
      const unwell = at === "describing" ? {} : { checkHealth: missing };
      const { local, adapters } = chained(5, { local: { ...unwell, embed: undefined } });
      if (at !== "being asked how it is") local.describe.mockImplementation(missing);
      const { logger, told } = logging();
      const processor = new BatchProcessor({ ...adapters, ...plain, logger });
      expect(await processor.process("batch")).toMatchObject({ completed: 5 });
      expect(await processor.rerun({ batchId: "batch" }, "reprocess-all")).toMatchObject({ completed: 5 });
      const fields = { model: "local", error: expect.objectContaining({ fault: "deployment" }) };
      expect(told(MISSING)).toEqual(Array(2).fill(["warn", MISSING, fields]));
      expect(told(NEXT).filter(([level]) => level === "info")).toEqual([]);
    },
  );

  test("blames no model for a call of another upload that had no price", async () => {
    const { local, cloud, adapters } = chained(3, { local: { price: () => null }, cloud: { price: () => 1 } });
    const { logger, told } = logging();
    const processor = new BatchProcessor({ ...adapters, ...once, logger, concurrency: 3 });
    const error = expect.objectContaining({ code: "INVALID_CONFIGURATION" });
    expect(await processor.process("batch", { budget: 10 })).toMatchObject({ status: "failed", error });
    expect(local.describe).toHaveBeenCalledTimes(1);
    expect(cloud.describe).not.toHaveBeenCalled();
    expect([...told(MISSING), ...told(NEXT)]).toEqual([]);
  });

  test("tells of the missing one also where the failure of another is the upload's", async () => {
    const { local, cloud, adapters } = chained();
    local.describe.mockRejectedValue(down());
    cloud.describe.mockRejectedValue(down({ status: 404 }));
    const { logger, told } = logging();
    await processUploadWithRetry("a", adapters, { ...once, logger });
    expect(told(MISSING).map(([, , { model: name }]) => name)).toEqual(["cloud"]);
  });
});
