import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCE = join(ROOT, "src");

interface Import {
  /** A path inside src/ (`pipeline/claim.ts`), a path outside of it (`../test/…`), or the specifier of a package. */
  readonly target: string;
  readonly isPackage: boolean;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
  /** By `import()`, so not loaded before it is needed. */
  readonly dynamic: boolean;
}

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .sort();
const imports = new Map(files.map((file) => [file, importsOf(file, readFileSync(join(SOURCE, file), "utf8"))]));

function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node, kind: { typeOnly?: boolean; dynamic?: boolean }) => {
    if (!ts.isStringLiteralLike(specifier))
      throw new Error(`${file} imports what cannot be read: ${specifier.getText()}`);
    const isPackage = !specifier.text.startsWith(".");
    const path = resolve(SOURCE, dirname(file), specifier.text.replace(/\.js$/, ".ts"));
    const target = isPackage ? specifier.text : relative(SOURCE, path);
    found.push({ target, isPackage, typeOnly: false, dynamic: false, ...kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, { typeOnly: isTypeOnly(node.importClause) });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node.moduleSpecifier, { typeOnly: node.isTypeOnly });
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node, { typeOnly: true });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0] ?? node, { dynamic: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  if (name !== undefined || namedBindings === undefined || ts.isNamespaceImport(namedBindings)) return false;
  return namedBindings.elements.every((element) => element.isTypeOnly);
}

/** `a.ts → b.ts` for each import of `from` that is not allowed. */
function violations(from: (file: string) => boolean, allowed: (target: Import, file: string) => boolean): string[] {
  return [...imports]
    .filter(([file]) => from(file))
    .flatMap(([file, all]) => all.filter((one) => !allowed(one, file)).map(({ target }) => `${file} → ${target}`));
}

const isNode = ({ target }: Import) => target.startsWith("node:");
const inFolder = (...folders: string[]) => {
  return (path: string) => folders.some((folder) => path.startsWith(`${folder}/`));
};
/** The folder and the file of an adapter have one name: `adapters/fs.ts` and `adapters/fs/`. */
const unitOf = (path: string) => path.split("/").slice(0, 2).join("/").replace(/\.ts$/, "");

/** The adapters over models of others. */
const ofModels = ["adapters/ai-sdk", "adapters/ollama"];

const isContract = inFolder("contracts");
const isAdapter = inFolder("adapters");
const isIntegration = inFolder("integrations");
const isTesting = inFolder("testing");
const isMedia = inFolder("media");
/** Checks of texts, which know nothing of uploads. */
const isQuality = (path: string) => path === "quality.ts" || path.startsWith("quality/");
const isCore = (path: string) => !path.startsWith("../") && !inFolder("adapters", "integrations", "testing")(path);

describe("the reader of imports", () => {
  test("finds every way to import, and tells types from values", () => {
    const text = `
      import a, { type B } from "./a.js";
      import { type C, type D } from "../c.js";
      import type E from "e";
      import "f";
      export * from "./g.js";
      export type { H } from "./h.js";
      export { type I } from "./i.js";
      const j = async () => (await import("j")).default;
      let k: typeof import("k");
      const text = 'import l from "l"'; // import m from "m"
    `;
    expect(importsOf("batch/x.ts", text)).toEqual([
      { target: "batch/a.ts", isPackage: false, typeOnly: false, dynamic: false },
      { target: "c.ts", isPackage: false, typeOnly: true, dynamic: false },
      { target: "e", isPackage: true, typeOnly: true, dynamic: false },
      { target: "f", isPackage: true, typeOnly: false, dynamic: false },
      { target: "batch/g.ts", isPackage: false, typeOnly: false, dynamic: false },
      { target: "batch/h.ts", isPackage: false, typeOnly: true, dynamic: false },
      { target: "batch/i.ts", isPackage: false, typeOnly: false, dynamic: false },
      { target: "j", isPackage: true, typeOnly: false, dynamic: true },
      { target: "k", isPackage: true, typeOnly: true, dynamic: false },
    ]);
  });

  test("finds the files", () => {
    expect(files).toEqual(expect.arrayContaining(["index.ts", "contracts/upload.ts", "adapters/memory.ts"]));
  });

  test("every relative import leads to a file of src/: never to test/ or examples/, nor to the package by its name", () => {
    const known = new Set(files);
    const stays = ({ target, isPackage }: Import) =>
      isPackage ? !/^upload-processor(?:$|\/)/.test(target) : known.has(target);
    expect(violations(() => true, stays)).toEqual([]);
  });
});

describe("layers", () => {
  test("contracts import contracts, and types of Node", () => {
    expect(violations(isContract, (one) => one.typeOnly && (isContract(one.target) || isNode(one)))).toEqual([]);
  });

  test("contracts are types and nothing else", () => {
    for (const file of files.filter(isContract)) {
      const { outputText } = ts.transpileModule(readFileSync(join(SOURCE, file), "utf8"), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, removeComments: true },
      });
      expect(outputText.trim(), file).toBe("export {};");
    }
  });

  test("the core never imports adapters, integrations or testing", () => {
    expect(violations(isCore, ({ target, isPackage }) => isPackage || isCore(target))).toEqual([]);
  });

  test("the checks of descriptions import contracts, errors, and how options are validated", () => {
    const allowed = ({ target }: Import) =>
      isQuality(target) || isContract(target) || ["errors.ts", "validate.ts"].includes(target);
    expect(violations(isQuality, allowed)).toEqual([]);
    expect(files.filter(isQuality).length).toBeGreaterThan(10);
  });

  test("an adapter imports contracts, errors, how packages are loaded, the audit that it suggests, and its own folder", () => {
    const allowed = ({ target, isPackage }: Import, file: string) =>
      isPackage ||
      isContract(target) ||
      target === "errors.ts" ||
      target === "load-package.ts" ||
      target === "quality.ts" ||
      unitOf(target) === unitOf(file) ||
      (ofModels.includes(unitOf(file)) && unitOf(target) === "adapters/models") || // what they have in common
      (unitOf(file) === "adapters/local-ai" && isMedia(target)); // it looks at the pixels itself
    expect(violations(isAdapter, allowed)).toEqual([]);
  });

  test("an integration imports the public root, and what integrations have in common", () => {
    const common = ["integrations/engine", "integrations/check"];
    const allowed = ({ target, isPackage }: Import, file: string) =>
      isPackage ||
      target === "index.ts" ||
      unitOf(target) === unitOf(file) ||
      common.includes(unitOf(target)) ||
      (unitOf(file) === "integrations/progress" && target === "integrations/progress-client.ts");
    expect(violations(isIntegration, allowed)).toEqual([]);
  });

  test("the client for browsers imports nothing", () => {
    expect(imports.get("integrations/progress-client.ts")).toEqual([]);
  });

  test("nothing but itself imports testing or an integration", () => {
    const allowed = ({ target }: Import) => !isTesting(target) && !isIntegration(target);
    expect(violations((file) => !isTesting(file) && !isIntegration(file), allowed)).toEqual([]);
  });
});

describe("packages", () => {
  const importers = (specifier: string) =>
    [...imports].filter(([, all]) => all.some(({ target }) => target === specifier)).map(([file]) => file);

  test.each([
    ["p-retry", "pipeline/retry.ts"],
    ["p-limit", "runtime/limiter.ts"],
    ["eventemitter3", "event-emitter.ts"],
    ["sharp", "media/sharp.ts"],
    ["file-type", "media/sniff.ts"],
    ["thumbhash", "media/placeholder.ts"],
  ])("%s has one importing file", (specifier, file) => {
    expect(importers(specifier)).toEqual([file]);
  });

  test("the core imports those six and Node, nothing else", () => {
    const allowed = ["p-retry", "p-limit", "eventemitter3", "sharp", "file-type", "thumbhash"];
    expect(violations(isCore, (one) => !one.isPackage || isNode(one) || allowed.includes(one.target))).toEqual([]);
  });

  test("what is heavy is loaded when it is first used", () => {
    const heavy = /^(?:sharp|file-type|thumbhash|pg|flydrive|@electric-sql\/.+|@aws-sdk\/.+)$/;
    expect(
      violations(
        () => true,
        (one) => one.typeOnly || one.dynamic || !heavy.test(one.target),
      ),
    ).toEqual([]);
  });
});

test("no file imports itself, over whatever others", () => {
  const edges = (file: string) =>
    (imports.get(file) ?? []).filter((one) => !one.isPackage && !one.typeOnly).map(({ target }) => target);
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    else if (!done.has(file)) {
      for (const target of edges(file)) walk(target, [...path, file]);
      done.add(file);
    }
  };
  for (const file of files) walk(file, []);
  expect(cycles).toEqual([]);
});
