import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The root of the repository. */
export const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A project in a folder of its own, with the packed tarball, the versions of its dependencies that the other tests run with,
 * and what else is given. Answers the folder.
 */
export async function createProject(tarball: string, others: Readonly<Record<string, string>>): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), "upload-processor-package-"));
  const { dependencies } = await readManifest(repository);
  const manifest = {
    private: true,
    dependencies: {
      ...Object.fromEntries(await Promise.all(Object.keys(dependencies).map(installedVersion))),
      ...others,
      "upload-processor": `file:${tarball}`,
    },
  };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  await npmInstall(project);
  return project;
}

export async function readManifest(folder: string) {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
}

async function installedVersion(name: string): Promise<[name: string, version: string]> {
  const { version } = await readManifest(join(repository, "node_modules", name));
  return [name, version];
}

/** Without the scripts of packages, as many a company installs. */
export function npmInstall(folder: string, ...parameters: readonly string[]) {
  const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  return run("npm", ["install", ...quiet, ...parameters], folder);
}

/** Rejects when the program fails, with what it printed, and when it does not exit by itself. */
export async function run(
  program: string,
  parameters: readonly string[],
  cwd: string,
  { timeout = 240_000, env = process.env }: { timeout?: number; env?: NodeJS.ProcessEnv } = {},
) {
  try {
    return await promisify(execFile)(program, parameters, { cwd, timeout, env, maxBuffer: 2 ** 24 });
  } catch (error) {
    const { stdout, stderr, killed } = error as { stdout: string; stderr: string; killed: boolean };
    const reason = killed ? `did not exit within ${timeout} ms` : "failed";
    throw new Error(`${program} ${parameters.join(" ")} ${reason}:\n${stdout}${stderr}`);
  }
}
