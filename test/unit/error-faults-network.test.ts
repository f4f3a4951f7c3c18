import { describe, expect, test } from "vitest";
import { classifyError } from "../../src/errors.js";
import { apiCallError, verdictOf } from "../support/service-errors.js";

/** What Node's page on TLS lists for certificates: the names that OpenSSL has for them. */
const CERTIFICATES = [
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_CRL",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "CERT_SIGNATURE_FAILURE",
  "CRL_SIGNATURE_FAILURE",
  "CERT_NOT_YET_VALID",
  "CERT_HAS_EXPIRED",
  "CRL_NOT_YET_VALID",
  "CRL_HAS_EXPIRED",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "ERROR_IN_CRL_LAST_UPDATE_FIELD",
  "ERROR_IN_CRL_NEXT_UPDATE_FIELD",
  "OUT_OF_MEM",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_CHAIN_TOO_LONG",
  "CERT_REVOKED",
  "INVALID_CA",
  "PATH_LENGTH_EXCEEDED",
  "INVALID_PURPOSE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "HOSTNAME_MISMATCH",
  "ERR_TLS_CERT_ALTNAME_INVALID",
];
const NO_HTTP = ["HPE_INVALID_CONSTANT", "HPE_INVALID_VERSION", "HPE_HEADER_OVERFLOW", "HPE_INVALID_CHUNK_SIZE"];
const CONNECTIONS = ["EADDRNOTAVAIL", "ENOBUFS", "ENOTCONN", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA"];
const DISKS = ["ENOSPC", "EDQUOT", "EMFILE", "EIO", "ESTALE"];

const failed = (code: string) => Object.assign(new Error(`it failed: ${code.toLowerCase()}`), { code });

describe("a failure on the way to a service is the service's", () => {
  test.each([...CERTIFICATES, ...NO_HTTP, ...CONNECTIONS])("%s", (code) => {
    // The AI SDK keeps of what fetch threw only the cause, and puts its own sentence before it.
    const bare = apiCallError(undefined, "No answer", { cause: failed(code) });
    expect(verdictOf(classifyError(bare, "describe", "DESCRIBE_FAILED"))).toBe("DESCRIBE_FAILED service again");
    expect(verdictOf(classifyError(failed(code), "open", "STORAGE_FAILED"))).toBe("STORAGE_FAILED service again");
  });

  test("by the AI SDK's sentence, whatever the cause", () => {
    const thrown = apiCallError(undefined, "Cannot connect to API: odd", { cause: new Error("odd") });
    expect(verdictOf(classifyError(thrown, "embed", "EMBED_FAILED"))).toBe("EMBED_FAILED service again");
  });

  test.each(DISKS)("a disk or a mount: %s", (code) => {
    expect(verdictOf(classifyError(failed(code), "open", "STORAGE_FAILED"))).toBe("STORAGE_FAILED service again");
  });

  test.each(["EROFS", "EACCES", "EPERM", "EISDIR", "ENAMETOOLONG"])("but one file alone: %s", (code) => {
    expect(verdictOf(classifyError(failed(code), "open", "STORAGE_FAILED"))).toBe("STORAGE_FAILED upload again");
  });
});
