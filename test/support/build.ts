import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Builds the package, unless what is built is newer than its sources: for tests that run programs which import it by its name. */
export function ensureBuilt(): void {
  const built = `${ROOT}dist/index.js`;
  const sources = readdirSync(`${ROOT}src`, { recursive: true, encoding: "utf8" }).map((path) => `${ROOT}src/${path}`);
  if (existsSync(built) && sources.every((path) => statSync(path).mtimeMs < statSync(built).mtimeMs)) return;
  const build = spawnSync("npm", ["run", "--silent", "build", "--", "--no-dts"], { cwd: ROOT, encoding: "utf8" });
  if (build.status !== 0) throw new Error(`The build failed:\n${build.stdout}${build.stderr}`);
}
