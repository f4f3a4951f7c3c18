import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import * as aiSdk from "../../src/adapters/ai-sdk.js";
import * as ollama from "../../src/adapters/ollama.js";
import * as index from "../../src/index.js";
import * as testing from "../../src/testing/index.js";

const root = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("README.md", root), "utf8");
const blocks = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ""]) => code);
const text = readme.replace(/^```[\s\S]*?^```/gm, "");

/** What the pieces of code on the page take for granted. */
const CONTEXT = `
import type { AIAdapter, BatchProcessor as Processor, Runtime, StorageAdapter, UploadError,
  UploadEventEmitter, UploadRecord, VisionImage } from "upload-processor";
import type { AiSdkOptions } from "upload-processor/ai-sdk";
import type { PostgresRepository } from "upload-processor/postgres";
import type { RepositoryContractOptions, RepositoryFixture } from "upload-processor/testing";
declare global {
  const storage: StorageAdapter, ai: AIAdapter, repository: PostgresRepository;
  const openai: (model: string) => AiSdkOptions["model"];
  const processor: Processor, events: UploadEventEmitter, record: UploadRecord;
  const id: string, batchId: string, signal: AbortSignal, cursor: AsyncIterable<string>;
  const later: (ms: number | undefined) => void;
  const show: (percentage: number | null, etaMs: number | null, cost: number | undefined) => void;
  const alertSomebody: (reason: string, error: UploadError | null, until: number | null) => void;
  const classify: (image: VisionImage, signal: AbortSignal) => Promise<{ isRefused: boolean; score: number }>;
  const tracer: { startActiveSpan<T>(name: string, run: () => T): T };
  const count: (status: string, durationMs: number) => void;
  const job: { uploadId: string; attempt: number };
  const waitWithoutAnAttempt: (waiting: typeof job, ms: number | undefined) => Promise<void>;
  const test: RepositoryContractOptions["test"];
  const addUploads: RepositoryFixture["addUploads"], deleteUpload: RepositoryFixture["deleteUpload"];
  const addBatch: NonNullable<RepositoryFixture["addBatch"]>;
}
`;

/** What the package exports, for the pieces without imports. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "upload-processor": ["Plugin", ...Object.keys(index)],
  "upload-processor/ai-sdk": Object.keys(aiSdk),
  "upload-processor/ollama": Object.keys(ollama),
  "upload-processor/testing": Object.keys(testing),
};

/** Each piece as a module of its own, in a function, with what it needs of the package imported. */
function moduleOf(code: string): string {
  if (code.startsWith("import ")) return code;
  const imports = Object.entries(NAMES).map(([module, names]) => {
    const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
    return used.length === 0 ? "" : `import { ${used.join(", ")} } from "${module}";\n`;
  });
  return `${imports.join("")}export async function piece() {\n${code}\n}\n`;
}

/** What the compiler says of the pieces, by the names of the package. */
function errorsOf(sources: ReadonlyMap<string, string>): string[] {
  const folder = fileURLToPath(new URL("test/types/", root));
  const { config } = ts.readConfigFile(`${folder}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
  const files = new Map([...sources].map(([name, code]) => [folder + name, code]));
  const compilerOptions = { ...options, noEmit: true, verbatimModuleSyntax: false, isolatedModules: false };
  const host = ts.createCompilerHost(compilerOptions);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, target) => {
    const code = files.get(name);
    return code === undefined ? getSourceFile(name, target) : ts.createSourceFile(name, code, target);
  };
  const program = ts.createProgram([...files.keys()], compilerOptions, host);
  return [...files.keys()].flatMap((name) => {
    const source = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ messageText, start = 0 }) => {
      const line = files.get(name)?.slice(0, start).split("\n").length;
      return `${name.slice(folder.length)}:${line} ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
  });
}

describe("the README", () => {
  test("begins with an example that is a file, word by word", () => {
    expect(blocks[0]).toBe(readFileSync(new URL("examples/readme.ts", root), "utf8"));
  });

  test("has no code that does not compile", () => {
    const pieces = blocks.map((code, index) => [`readme-${index + 1}.ts`, moduleOf(code)] as const);
    expect(pieces.length).toBeGreaterThan(6);
    expect(errorsOf(new Map([...pieces, ["context.ts", CONTEXT]]))).toEqual([]);
  });

  test("is not longer than it may be", () => {
    expect(readme.split("\n").length - 1).toBeLessThanOrEqual(330);
  });

  test.each(["npm ci && npm run demo", "npm ci && npm test"])("has `%s` on one line", (command) => {
    expect(readme.split("\n")).toContain(command);
  });

  test("links to pages that are in the package, and to nothing else of the repository", () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, link = ""]) => link);
    const own = links.filter((link) => !/^https?:/.test(link));
    expect(own.filter((link) => !/^(src\/.+|CHANGELOG)\.md$/.test(link) || !existsSync(new URL(link, root)))).toEqual(
      [],
    );
  });

  test("names files that are there", () => {
    const named = [...text.matchAll(/`((?:test|examples|src)\/[^\s`*]+)`/g)].map(([, path = ""]) => path);
    expect(named.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  });

  test("names commands that there are", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
    const scriptsIn = (part: string) => [...part.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name);
    const named = [...new Set(scriptsIn(readme))];
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
    for (const [, filter = ""] of readme.matchAll(/`npm test -- (\S+)`/g))
      expect(existsSync(new URL(`test/integration/${filter}.test.ts`, root))).toBe(true);
  });
});

test("every row of a table has as many cells as its head", () => {
  const pages = readdirSync(new URL("src", root), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `src/${path}`);
  const broken: string[] = [];
  for (const path of ["README.md", "CHANGELOG.md", "examples/README.md", ...pages]) {
    let cells: number | undefined;
    for (const line of readFileSync(new URL(path, root), "utf8").split("\n")) {
      const found = line.startsWith("|") ? line.replaceAll("\\|", "").split("|").length : undefined;
      if (cells !== undefined && found !== undefined && found !== cells) broken.push(`${path}: ${line}`);
      cells = found;
    }
  }
  expect(broken).toEqual([]);
});
