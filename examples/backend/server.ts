/**
 * The backend as a program: `npx tsx examples/backend/server.ts`, then http://localhost:3000.
 * Data is kept in .demo/backend; PORT is another port.
 */
import { mkdir } from "node:fs/promises";
import { localAI } from "upload-processor/local-ai";
import { openDatabase } from "../demo/database.js";
import { lockFolder } from "../demo/lock.js";
import { createBackend } from "./backend.js";

const folder = ".demo/backend";
await mkdir(folder, { recursive: true });
const lock = await lockFolder(folder);
// Embedded, for one process. With a server it is `postgresRepository(pool)`, and no lock: the
// `pg.Pool` needs an "error" listener, or a restart of the database ends this process.
const database = await openDatabase(folder);
const backend = createBackend({ folder, repository: database.repository, ai: localAI() });

const port = Number(process.env.PORT ?? 3000);
backend.server.listen(port, () => console.log(`Listening on http://localhost:${port}`));
void backend.recover();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    console.log("Closing");
    await backend.close();
    await database[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
  });
}
