/** What each entry point adds to an application, in ESM, minified and compressed, without the dependencies. */
const budgets = {
  index: "99 kB",
  fs: "4.5 kB",
  memory: "6.1 kB",
  postgres: "11.5 kB",
  "local-ai": "23.2 kB", // it decodes what it measures as the root does
  s3: "10.9 kB",
  flydrive: "5 kB",
  "ai-sdk": "15 kB",
  ollama: "42.1 kB", // most of it is descriptionQuality, which the root has as well
  ffmpeg: "11.5 kB",
  heic: "11.8 kB",
  bullmq: "74 kB", // most of it is the BatchProcessor
  "pg-boss": "74 kB", // likewise
  otel: "6 kB",
  progress: "21 kB", // half of it is errors and the wire format, which the root has as well
  "progress-client": "2 kB", // for browsers
  testing: "32 kB",
};

export default Object.entries(budgets).map(([name, limit]) => ({
  name,
  limit,
  path: `dist/${name}.js`,
  ignore: [
    "node:*",
    "eventemitter3",
    "file-type",
    "p-limit",
    "p-retry",
    "sharp",
    "thumbhash",
    "@aws-sdk/client-s3",
    "bullmq",
    "@opentelemetry/api",
    "ollama",
  ],
  modifyEsbuildConfig: (config) => ({ ...config, format: "esm" }),
}));
