import { errorChain } from "./chain.js";
import { read } from "./inspect.js";
import { isDeploymentError, isRefusedValue } from "./signs.js";
import { faultOf } from "./upload-error.js";

/**
 * Whether a store refused the value that it was given, where another one could have been stored: it was reached, so the call
 * is not repeated. Told by `retryable: false` of the error itself, an SQLSTATE of class 22 or 23, also of its `cause`, or the
 * code `RESULT_REFUSED`. A table that is not there, or an adapter that says so, is the deployment's fault and no refusal.
 */
export function isRefusal(thrown: unknown): boolean {
  const fault = faultOf(thrown);
  if (fault === "deployment" || fault === "account" || errorChain(thrown).some(isDeploymentError)) return false;
  return read(thrown, "retryable") === false || isRefusedValue(thrown);
}
