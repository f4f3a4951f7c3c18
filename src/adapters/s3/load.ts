// By a name that a bundler's banner does not declare as well: many declare createRequire.
import * as nodeModule from "node:module";
import { ConfigurationError, classifyError, messageOf } from "../../errors.js";

type Sdk = Pick<typeof import("@aws-sdk/client-s3"), "GetObjectCommand" | "PutObjectCommand" | "DeleteObjectCommand">;

/** The commands of the SDK, loaded when they are first needed; Node keeps them. */
export async function loadSdk(): Promise<Sdk> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (thrown) {
    return requireSdk(thrown);
  }
}

/** In Jest there is no `import()`, unless it is told so. */
function requireSdk(thrown: unknown): Sdk {
  try {
    return nodeModule.createRequire(import.meta.url ?? __filename)("@aws-sdk/client-s3");
  } catch {
    // The error of the import tells more.
    const error = classifyError(thrown, "open", "STORAGE_FAILED");
    if (error.fault === "service") throw error; // no file descriptor or no memory, just now
    const [reason = ""] = messageOf(thrown).split("\n");
    const message = `s3Storage: @aws-sdk/client-s3 could not be loaded: ${reason.replace(/\.$/, "")}. Install it: npm install @aws-sdk/client-s3`;
    throw new ConfigurationError(message, { cause: thrown });
  }
}
