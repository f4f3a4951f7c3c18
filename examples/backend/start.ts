/**
 * The whole backend, an API process and two workers, then http://localhost:3000:
 *
 *     DATABASE_URL=postgres://localhost/photos REDIS_URL=redis://localhost:6379 npx tsx examples/backend/start.ts
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const children = new Set<ChildProcess>();
let isClosing = false;

function start(program: string): void {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, path], { stdio: "inherit" });
  children.add(child);
  child.once("exit", (code, signal) => {
    children.delete(child);
    if (isClosing) return;
    // Killed, as by the system when memory is short: another one goes on with what it had. One that gave up has said why.
    if (signal !== null) start(program);
    else close(code ?? 1);
  });
}

function close(code: number): void {
  isClosing = true;
  process.exitCode = code;
  for (const child of children) child.kill("SIGTERM");
}

for (const program of ["server.ts", "worker.ts", "worker.ts"]) start(program);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => close(0));
