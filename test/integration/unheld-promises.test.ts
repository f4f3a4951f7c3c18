import { expect, it } from "vitest";
import { endOf, startChild } from "../support/child.js";
import { jpegPath } from "../support/media.js";

it("an adapter that does not await what it starts does not take the process down", async () => {
  const ended = await endOf(startChild("test/support/unheld-promises-worker.ts", [jpegPath]));
  expect(ended).toEqual({ code: 0, out: "alive\n", err: "" });
});
