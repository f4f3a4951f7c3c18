import { readdirSync, readFileSync } from "node:fs";

/** The processes of ffmpeg and ffprobe that this one has started and that have not ended; none where the system does not tell. */
export function childProcesses(parent = process.pid): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [, name = "", state, of] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat) ?? [];
        return Number(of) === parent && state !== "Z" ? [`${name} ${pid} ${state}`] : [];
      } catch {
        return []; // it has ended meanwhile
      }
    })
    .filter((name) => name.startsWith("ff"));
}
