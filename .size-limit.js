/** What each entry point adds to an application, in ESM, minified and compressed, without the dependencies. */
const budgets = {
  index: "19.5 kB",
  fs: "4 kB",
  memory: "4 kB",
  postgres: "6.5 kB",
  "local-ai": "7.5 kB",
  testing: "21 kB",
};

export default Object.entries(budgets).map(([name, limit]) => ({
  name,
  limit,
  path: `dist/${name}.js`,
  ignore: ["node:*", "eventemitter3", "file-type", "p-limit", "p-retry", "sharp"],
  modifyEsbuildConfig: (config) => ({ ...config, format: "esm" }),
}));
