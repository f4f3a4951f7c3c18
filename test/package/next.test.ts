import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { freePort } from "../support/free-port.js";
import { configurationOf } from "./page.js";
import { createProject, repository, run } from "./project.js";

const CONFIGURATION = "next.config.mjs";
const NEXT = "node_modules/next/dist/bin/next";
/** No JPEG, which would be told without file-type. */
const photo = join(repository, "examples/photos/coffee.webp");
/** It would tell its maker of every build. */
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" } as const;

let project: string;
/** What comes out without a bundler. */
let expected: unknown;

beforeAll(async () => {
  project = await createProject(inject("tarball"), { next: "^16.0.0", react: "^19.0.0", "react-dom": "^19.0.0" });
  await cp(join(repository, "test/package/bundled"), project, { recursive: true });
  const { stdout } = await run(process.execPath, ["main.js", photo], project);
  expected = JSON.parse(stdout);
});

afterAll(() => rm(project, { recursive: true, force: true }));

describe.each([
  ["Turbopack", "--turbopack"],
  ["webpack", "--webpack"],
])("a route of Next.js, built by %s", (_, bundler) => {
  test("does the same without any configuration", async () => {
    await rm(join(project, CONFIGURATION), { force: true });
    await build(bundler);
    const port = await freePort();
    const parameters = [NEXT, "start", "--hostname", "127.0.0.1", "--port", String(port)];
    expect(await answerOf(parameters, project, port)).toEqual(expected);
  });

  test("does the same with the configuration of the page, where nothing is but what the build put together", async () => {
    await writeFile(join(project, CONFIGURATION), configurationOf(CONFIGURATION));
    await build(bundler);
    const server = await mkdtemp(join(tmpdir(), "upload-processor-next-"));
    try {
      await cp(join(project, ".next/standalone"), server, { recursive: true, verbatimSymlinks: true });
      expect(await answerOf(["server.js"], server, await freePort())).toEqual(expected);
    } finally {
      await rm(server, { recursive: true });
    }
  });
});

async function build(bundler: string): Promise<void> {
  await rm(join(project, ".next"), { recursive: true, force: true });
  await run(process.execPath, [NEXT, "build", bundler], project, { env });
}

/** Starts the server, fetches the route, and stops the server. */
async function answerOf(parameters: readonly string[], folder: string, port: number): Promise<unknown> {
  const server = spawn(process.execPath, parameters, {
    cwd: folder,
    env: { ...env, PHOTO: photo, HOSTNAME: "127.0.0.1", PORT: String(port) },
  });
  const exit = once(server, "exit");
  let printed = "";
  const ready = new Promise<void>((resolve, reject) => {
    const read = (text: Buffer) => {
      printed += text;
      if (printed.includes("Ready")) resolve();
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    exit.then(() => reject(new Error(`The server did not start:\n${printed}`)), reject);
  });
  try {
    await ready;
    const response = await fetch(`http://127.0.0.1:${port}/job`);
    if (!response.ok) throw new Error(`The route answers ${response.status}:\n${printed}`);
    return await response.json();
  } finally {
    server.kill();
    await exit;
  }
}
