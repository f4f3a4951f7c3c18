/** What each entry point adds to an application, in ESM, minified and compressed, without the dependencies. */
const budgets = {
  index: "40 kB",
  fs: "4.5 kB",
  memory: "5.6 kB",
  postgres: "10 kB",
  "local-ai": "11 kB",
  heic: "10.5 kB",
  testing: "28 kB",
};

export default Object.entries(budgets).map(([name, limit]) => ({
  name,
  limit,
  path: `dist/${name}.js`,
  ignore: ["node:*", "eventemitter3", "file-type", "p-limit", "p-retry", "sharp"],
  modifyEsbuildConfig: (config) => ({ ...config, format: "esm" }),
}));
