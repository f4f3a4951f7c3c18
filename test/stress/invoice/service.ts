/**
 * A model service as a process of its own: bills every call when it arrives, whatever becomes of it. Some fail, and some are
 * answered with nothing; they cost all the same. Prints its address.
 */
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Answer, Line, Question } from "./plan.js";

const book = process.argv[2] ?? "";

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { call, stage, id, pid } = JSON.parse(body) as Question;
  const cost = 1 + Math.floor(Math.random() * 9);
  appendFileSync(book, `${JSON.stringify({ event: "billed", call, stage, id, pid, cost } satisfies Line)}\n`);
  const luck = Math.random();
  const usage = { cost };
  setTimeout(
    () => {
      const failed = luck < 0.05;
      const made: Omit<Answer, "usage"> = stage === "embed" ? { vector: [1, 2, 3] } : { text: `a photo of ${id}` };
      const nothing: Omit<Answer, "usage"> = stage === "embed" ? { vector: [1, 2, 3] } : { text: "" };
      const answer: Answer = failed
        ? { usage, error: "overloaded" }
        : luck < 0.1
          ? { usage, ...nothing }
          : { usage, ...made };
      response.writeHead(failed ? 503 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer));
    },
    2 + Math.random() * 30,
  );
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
