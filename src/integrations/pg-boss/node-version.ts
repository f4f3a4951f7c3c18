import { ConfigurationError } from "../../index.js";

/** @throws ConfigurationError pg-boss does not support this version of Node */
export function requireNode(version = process.versions.node): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return;
  throw new ConfigurationError(
    `upload-processor/pg-boss: expected Node 22.12 or newer, which pg-boss 12 needs, got ${version}; run this process with a newer Node`,
  );
}
