// A rejection ends the process with a code other than 0.
void Promise.all([import("./job.mjs"), import("upload-processor")]).then(([{ job }, other]) =>
  job(require, other, process.argv[2]),
);
