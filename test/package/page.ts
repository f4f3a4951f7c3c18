import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "./project.js";

/** The page whose configurations the tests build with, word by word. */
export const bundlingPage = await readFile(join(repository, "src/bundling.md"), "utf8");

/** The configuration that begins with this file name on the page. */
export function configurationOf(file: string): string {
  const [, ...blocks] = bundlingPage.split("```js\n");
  const block = blocks.find((text) => text.startsWith(`// ${file}\n`));
  if (block === undefined) throw new Error(`src/bundling.md has no configuration named ${file}`);
  return block.slice(0, block.indexOf("```"));
}

/** The command on the page that installs sharp beside a bundle, for this machine instead of the server. */
export function installingSharp(): readonly string[] {
  const [, command] = bundlingPage.match(/```sh\nnpm install (.+)\n```/) ?? [];
  if (command === undefined) throw new Error("src/bundling.md does not install sharp");
  return command.replace("--os=linux --cpu=x64", `--os=${process.platform} --cpu=${process.arch}`).split(" ");
}
