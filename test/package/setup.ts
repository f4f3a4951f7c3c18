import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { installNodes } from "./nodes.js";
import { repository, run } from "./project.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The path of what `npm publish` would upload. */
    tarball: string;
  }
}

/** Builds, packs and gets the versions of Node once, for all files of tests. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "upload-processor-packed-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], repository);
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[\n")));
  provide("tarball", join(folder, filename));
  await installNodes();
  return () => rm(folder, { recursive: true });
}
