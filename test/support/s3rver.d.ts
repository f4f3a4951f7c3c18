/** What the tests use of s3rver, which has no types of its own. */
declare module "s3rver" {
  import type { Readable } from "node:stream";

  export interface StoredObject {
    readonly bucket: string;
    readonly key: string;
    readonly metadata: Readonly<Record<string, unknown>>;
    content: Uint8Array | Readable | null;
  }

  export interface Store {
    putObject: (object: StoredObject) => Promise<{ readonly size: number; readonly md5: string }>;
    getObject: (bucket: string, key: string, options?: object) => Promise<StoredObject | null>;
    deleteObject: (bucket: string, key: string) => Promise<void>;
    readonly putMetadata: (
      bucket: string,
      key: string,
      metadata: Readonly<Record<string, unknown>>,
      md5: string,
    ) => Promise<void>;
    readonly getResourcePath: (bucket: string, key: string, resource: "object") => string;
  }

  export default class S3rver {
    constructor(options: {
      readonly port: number;
      readonly address: string;
      readonly silent: boolean;
      readonly directory: string;
      readonly vhostBuckets: boolean;
      readonly configureBuckets: readonly { readonly name: string }[];
    });
    readonly store: Store;
    run(): Promise<{ readonly port: number }>;
  }
}
