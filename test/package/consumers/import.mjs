import { createRequire } from "node:module";
import * as root from "upload-processor";
import * as aiSdk from "upload-processor/ai-sdk";
import * as bullmq from "upload-processor/bullmq";
import * as ffmpeg from "upload-processor/ffmpeg";
import * as flydrive from "upload-processor/flydrive";
import * as fs from "upload-processor/fs";
import * as heic from "upload-processor/heic";
import * as localAI from "upload-processor/local-ai";
import * as memory from "upload-processor/memory";
import * as ollama from "upload-processor/ollama";
import * as pgBoss from "upload-processor/pg-boss";
import * as postgres from "upload-processor/postgres";
import * as progress from "upload-processor/progress";
import * as client from "upload-processor/progress-client";
import * as s3 from "upload-processor/s3";
import * as testing from "upload-processor/testing";
import { job } from "./job.mjs";

const other = createRequire(import.meta.url)("upload-processor");
await job(
  {
    root,
    fs,
    memory,
    postgres,
    localAI,
    aiSdk,
    ollama,
    s3,
    flydrive,
    ffmpeg,
    heic,
    bullmq,
    pgBoss,
    progress,
    client,
    testing,
  },
  other,
  process.argv[2],
);
