import { expect, onTestFinished, test, vi } from "vitest";
import { chat, OllamaServer } from "../support/ollama-server.js";

test("the example over Ollama describes its photos, and finds one by words", async () => {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line) => void lines.push(line));
  onTestFinished(() => void vi.restoreAllMocks());
  vi.stubEnv("OLLAMA_HOST", server.url);
  vi.stubEnv("VISION_MODEL", "qwen3-vl");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { argv } = process;
  process.argv = [...argv.slice(0, 2), "Photo number 3."];
  onTestFinished(() => {
    process.argv = argv;
  });
  server.always("chat", (exchange) => {
    const content = `Photo number ${server.callsOf("chat").length}.`;
    return chat([{ content }, { done_reason: "stop" }])(exchange);
  });

  await import("../../examples/ollama.js");
  const photos = server.callsOf("chat").length;
  expect(server.callsOf("chat").map(({ body }) => body.model)).toEqual(Array(photos).fill("qwen3-vl"));
  expect(lines).toContain(`${photos} described, 0 failed, ${photos * (1079 + 4)} tokens`);
  expect(lines.slice(-3)[0]).toMatch(/^1\.000 \S+: Photo number 3\.$/);
});
