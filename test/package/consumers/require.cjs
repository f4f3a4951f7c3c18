const root = require("upload-processor");
const fs = require("upload-processor/fs");
const localAI = require("upload-processor/local-ai");
const memory = require("upload-processor/memory");
const ollama = require("upload-processor/ollama");
const postgres = require("upload-processor/postgres");
const testing = require("upload-processor/testing");

// A rejection ends the process with a code other than 0.
void Promise.all([import("./job.mjs"), import("upload-processor")]).then(([{ job }, other]) =>
  job({ root, fs, memory, postgres, localAI, ollama, testing }, other, process.argv[2]),
);
