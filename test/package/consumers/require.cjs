const root = require("upload-processor");
const aiSdk = require("upload-processor/ai-sdk");
const bullmq = require("upload-processor/bullmq");
const ffmpeg = require("upload-processor/ffmpeg");
const flydrive = require("upload-processor/flydrive");
const fs = require("upload-processor/fs");
const heic = require("upload-processor/heic");
const localAI = require("upload-processor/local-ai");
const memory = require("upload-processor/memory");
const ollama = require("upload-processor/ollama");
const pgBoss = require("upload-processor/pg-boss");
const postgres = require("upload-processor/postgres");
const progress = require("upload-processor/progress");
const client = require("upload-processor/progress-client");
const s3 = require("upload-processor/s3");
const testing = require("upload-processor/testing");

// A rejection ends the process with a code other than 0.
void Promise.all([import("./job.mjs"), import("upload-processor")]).then(([{ job }, other]) =>
  job(
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
  ),
);
