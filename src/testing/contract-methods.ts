import type { AsyncMethod } from "./wrap.js";

/** The methods of the contracts. What else an adapter has, as `addUploads`, is for tests to prepare and to look. */
export const CONTRACT_METHODS = [
  ...(["open", "write", "delete"] as const),
  ...(["describe", "embed", "embedMany", "checkHealth"] as const),
  ...(["findUpload", "updateUpload", "claimUpload", "resetUploads"] as const),
  ...(["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const),
];

/** The methods of the contracts that `A` has. */
export type ContractMethod<A> = AsyncMethod<A> & (typeof CONTRACT_METHODS)[number];
