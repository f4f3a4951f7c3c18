/** A PGlite in the folder that it is told, in a process of its own: its memory is not that of the library. */
import { PGlite } from "@electric-sql/pglite";
import type { DatabaseAnswer, DatabaseQuestion } from "./database.js";

const database = await PGlite.create(String(process.argv[2]));

process.on("message", async (question: DatabaseQuestion) => {
  answer({ number: question.number, ...(await answerTo(question)) });
});
process.once("disconnect", () => void database.close());
answer({ number: 0, rows: [] });

async function answerTo(question: DatabaseQuestion): Promise<Omit<DatabaseAnswer, "number">> {
  if (question.text === undefined) return { rows: [{ rss: process.memoryUsage.rss() }] };
  try {
    return { rows: (await database.query(question.text, question.values)).rows };
  } catch (error) {
    return { error: String(error) };
  }
}

function answer(message: DatabaseAnswer): void {
  process.send?.(message);
}
