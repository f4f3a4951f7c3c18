import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { npmInstall, repository } from "./project.js";

/** The lowest that we support, exactly, and the newest of every line that is still maintained. */
export const NODE_VERSIONS = ["20.9.0", "20", "22", "24", "26"];

/** Node itself is large: it is kept until the next `npm ci`. */
const nodes = join(repository, "node_modules/.cache/node-versions");

export const nodePath = (version: string) => join(nodes, "node_modules", `node-${version}`, "bin/node");

/** The binaries of Node, which come as packages of their own. */
export async function installNodes(): Promise<void> {
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  const binary = `${prefix}-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const dependencies = NODE_VERSIONS.map((version) => [`node-${version}`, `npm:${binary}@${version}`]);
  await mkdir(nodes, { recursive: true });
  await writeFile(join(nodes, "package.json"), JSON.stringify({ dependencies: Object.fromEntries(dependencies) }));
  await npmInstall(nodes);
}
