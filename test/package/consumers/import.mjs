import { createRequire } from "node:module";
import * as root from "upload-processor";
import * as fs from "upload-processor/fs";
import * as localAI from "upload-processor/local-ai";
import * as memory from "upload-processor/memory";
import * as ollama from "upload-processor/ollama";
import * as postgres from "upload-processor/postgres";
import * as testing from "upload-processor/testing";
import { job } from "./job.mjs";

const other = createRequire(import.meta.url)("upload-processor");
await job({ root, fs, memory, postgres, localAI, ollama, testing }, other, process.argv[2]);
