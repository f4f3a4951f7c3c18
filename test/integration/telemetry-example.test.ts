import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { ensureBuilt, ROOT } from "../support/build.js";

test("the example is scraped as by Prometheus, and ends by itself when it is interrupted", async () => {
  ensureBuilt();
  const args = ["--import", "tsx", "examples/telemetry.ts", "--serve"];
  const env = { ...process.env, METRICS_PORT: String(await freePort()) };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const [line] = await once(createInterface(child.stdout), "line");
  const address = /^Serving (\S+)$/.exec(line)?.[1] ?? "";
  const scraped = await (await fetch(address)).text();
  expect(scraped).toMatch(/^# TYPE upload_processor_upload_duration histogram$/m);
  expect(scraped).toMatch(/^upload_processor_upload_duration_count\{[^}]*"completed"[^}]*\} 7$/m);
  expect(scraped).toMatch(/^upload_processor_upload_duration_count\{[^}]*"MISSING_ORIGINAL"[^}]*\} 1$/m);
  expect(scraped).toMatch(/^upload_processor_model_requests_total\{[^}]*"describe"[^}]*\} 7$/m);
  expect(scraped).toMatch(/^upload_processor_breaker_count\{[^}]*"closed"[^}]*\} 1$/m);
  child.kill("SIGINT");
  expect(await exited).toEqual([0, null]);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
