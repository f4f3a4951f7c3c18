import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { NODE_VERSIONS, nodePath } from "./nodes.js";
import { createProject, repository, run } from "./project.js";

/** Each SDK wants an API of its own, so they cannot be installed beside each other. The third wants Node 22.15. */
const SDKS = [
  { sdk: 2, api: "~1.9.0", spans: "@opentelemetry/sdk-trace-base", versions: NODE_VERSIONS },
  { sdk: 3, api: "~1.10.0", spans: "@opentelemetry/sdk-trace", versions: ["22", "24", "26"] },
] as const;

describe.each(SDKS)("with SDK $sdk of OpenTelemetry", ({ sdk, api, spans, versions }) => {
  let project: string;

  beforeAll(async () => {
    const ofSdk = [spans, "@opentelemetry/sdk-metrics", "@opentelemetry/context-async-hooks"];
    const packages = Object.fromEntries(ofSdk.map((name) => [name, `^${sdk}.0.0`]));
    project = await createProject(inject("tarball"), { "@opentelemetry/api": api, ...packages });
    await cp(join(repository, "test/package/consumers/otel.mjs"), join(project, "otel.mjs"));
  });

  afterAll(() => rm(project, { recursive: true, force: true }));

  test.each(versions.flatMap((version) => ["import", "require"].map((format) => [version, format] as const)))(
    "on Node %s, by %s: spans and metrics arrive, spans of an adapter below those of its calls",
    async (version, format) => {
      await run(nodePath(version), ["otel.mjs", format, spans], project, { timeout: 110_000 });
    },
  );
});
