import { createRequire } from "node:module";
import { job } from "./job.mjs";

const other = createRequire(import.meta.url)("upload-processor");
await job((specifier) => import(specifier), other, process.argv[2]);
