import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ffmpeg } from "../../src/adapters/ffmpeg.js";
import { ConfigurationError } from "../../src/index.js";
import { startChild } from "../support/child.js";
import { childProcesses } from "../support/child-processes.js";
import { binaryOf, fakeBinary } from "../support/fake-ffmpeg.js";
import { framesOf } from "../support/frames.js";
import { hasEncoder, hasFfmpeg, isInstalled, needsFfmpeg, Videos } from "../support/videos.js";

const isWindows = process.platform === "win32";
const signal = new AbortController().signal;
let folder: string;
let videos: Videos;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ffmpeg-"));
  videos = await Videos.create();
});
afterAll(() => {
  videos.remove();
  rmSync(folder, { recursive: true });
});
afterEach(() => expect(childProcesses()).toEqual([]));

/** The next attempt may well succeed. */
const CLOSED = { code: "STORAGE_FAILED", fault: "service", retryable: true };

const fake = (name: string, body: string, version?: string) => fakeBinary(folder, name, body, version);
const probe = (options: Parameters<typeof ffmpeg>[0], path = "/nowhere.mp4") =>
  Promise.resolve(ffmpeg(options).probe?.({ path }, { signal }));

/** Resolves with the content of a file as soon as it is there and not empty. */
function written(path: string): Promise<string> {
  return new Promise((resolve) => {
    const look = () => {
      const content = existsSync(path) ? readFileSync(path, "utf8") : "";
      if (content === "") return;
      watcher.close();
      resolve(content);
    };
    const watcher = watch(folder, look);
    look();
  });
}

/** Waits until a process has ended. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (/^State:\s+Z/m.test(existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : ""))
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe.skipIf(isWindows)("a binary that does not fit", () => {
  test.each(["ffmpegPath", "ffprobePath"] as const)(
    "%s: a missing one is told with the ways to install it",
    async (option) => {
      const decoder = ffmpeg({ [option]: "/there/is/none" });
      const call =
        option === "ffmpegPath" ? framesOf(decoder, "/nowhere.mp4") : decoder.probe?.({ path: "/" }, { signal });
      const error = await Promise.resolve(call).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(ConfigurationError);
      for (const part of [option, "apt-get install ffmpeg", "apk add ffmpeg", "brew install ffmpeg", "winget install"])
        expect(error.message).toContain(part);
    },
  );

  test("one that may not be run", async () => {
    const path = join(folder, "ff-not-executable");
    writeFileSync(path, "");
    chmodSync(path, 0o644);
    await expect(framesOf(ffmpeg({ ffmpegPath: path }), "/nowhere.mp4")).rejects.toThrow(/EACCES.*Install it/);
  });

  test.each(["3.4.13", "4.1.11-0+deb10u1", "n4.1"])("version %s is too old", async (version) => {
    const ffmpegPath = fake("ffmpeg-old", "", `ffmpeg version ${version} Copyright (c) 2000-2018`);
    const rejection = expect(framesOf(ffmpeg({ ffmpegPath }), "/nowhere.mp4")).rejects;
    await rejection.toThrow(/version .* at least 4\.2 is needed.*Install it/);
    await expect(framesOf(ffmpeg({ ffmpegPath }), "/nowhere.mp4")).rejects.toBeInstanceOf(ConfigurationError);
  });

  test.each(["5.1.9-0+deb12u1", "n7.0.2", "4.2", "12.0", "N-47683-g0e8eb07980-static", "2025-01-02-git-1234"])(
    "version %s is taken",
    async (version) => {
      const ffprobePath = fake("ffprobe-new", `console.log('{"streams":[]}')`, `ffprobe version ${version} Copyright`);
      await expect(probe({ ffprobePath })).rejects.toMatchObject({ code: "UNSUPPORTED_MEDIA" });
    },
  );

  test("another program", async () => {
    const ffprobePath = fake("ff-other", "", "I am something else");
    await expect(probe({ ffprobePath })).rejects.toThrow(/does not say that it is ffmpeg/);
  });

  test("what was missing is looked for again", async () => {
    const ffmpegPath = join(folder, "ffmpeg-installed-later");
    const decoder = ffmpeg({ ffmpegPath });
    await expect(framesOf(decoder, "/nowhere.mp4")).rejects.toBeInstanceOf(ConfigurationError);
    fake("ffmpeg-installed-later", "process.exit(1)");
    await expect(framesOf(decoder, "/nowhere.mp4")).rejects.toMatchObject({ code: "MISSING_ORIGINAL" });
  });

  test.each([
    [{ threads: 0 }, /threads: expected an integer from 1 to 64, got 0/],
    [{ timeoutMs: Number.NaN }, /timeoutMs: expected milliseconds/],
    [{ ffmpegPath: "" }, /ffmpegPath: expected the name or the path/],
    [{ ffprobePath: 7 as never }, /ffprobePath: expected the name or the path of a program, got 7/],
    [{ ffmpgPath: "x" } as never, /did you mean "ffmpegPath"/],
    [null as never, /options: expected an object/],
  ])("options that are none: %j", (options, message) => {
    expect(() => ffmpeg(options)).toThrow(message);
    expect(() => ffmpeg(options)).toThrow(ConfigurationError);
  });
});

describe.skipIf(isWindows)("a process of it", () => {
  const DUMP = (file: string) =>
    `const { env, argv } = process; require("fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify({ env, argv, cwd: process.cwd() }));`;

  test("gets PATH and nothing else, fixed arguments, and the file as an argument of its own", async () => {
    const [dump, asked] = [join(folder, "dump"), join(folder, "asked")];
    const decoder = ffmpeg({
      ffmpegPath: fake("ffmpeg-dump", `${DUMP(dump)} process.exit(1)`),
      ffprobePath: fake("ffprobe-dump", `${DUMP(asked)} console.log('{"streams":[]}')`),
    });
    process.env.FFREPORT = "file=/tmp/report.log";
    const path = join(folder, `$(touch pwned); "a b" 'c'.mp4`);
    writeFileSync(path, "x");
    await expect(framesOf(decoder, path)).rejects.toThrow(/damaged/);
    await expect(decoder.probe?.({ path }, { signal })).rejects.toThrow(/no video stream/);
    delete process.env.FFREPORT;
    for (const file of [dump, asked]) {
      const { env, argv, cwd } = JSON.parse(readFileSync(file, "utf8"));
      expect(env).toEqual({ PATH: process.env.PATH });
      expect(cwd).toBe("/");
      expect(argv).toContain(`file:${path}`);
      for (const [option, value] of [
        ["-protocol_whitelist", "file"],
        ["-format_whitelist", "mov,matroska,avi,mpegts,mpeg,mpegvideo"],
        ["-max_pixels", expect.stringMatching(/^\d+$/)],
        ["-max_alloc", expect.stringMatching(/^\d+$/)],
      ])
        expect(argv[argv.indexOf(option) + 1], option).toEqual(value);
    }
    expect(JSON.parse(readFileSync(dump, "utf8")).argv).toContain("-nostdin");
  });

  test("a path that looks like an option or a protocol is a file", async () => {
    const dump = join(folder, "dump-path");
    const ffprobePath = fake("ffprobe-dump-path", `${DUMP(dump)} console.log('{"streams":[]}')`);
    await expect(probe({ ffprobePath }, "-i concat:x|y")).rejects.toThrow();
    expect(JSON.parse(readFileSync(dump, "utf8")).argv.at(-1)).toBe(`file:${join(process.cwd(), "-i concat:x|y")}`);
  });

  test("that hangs is killed when its time is over, with what it has started", async () => {
    const pids = join(folder, "pids");
    const start = `const child = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });`;
    const hangs = `${start} require("fs").writeFileSync(${JSON.stringify(pids)}, [process.pid, child.pid].join()); setInterval(() => {}, 1000);`;
    const decoder = ffmpeg({ ffmpegPath: fake("ffmpeg-hangs", hangs), timeoutMs: 3000 });
    await expect(framesOf(decoder, "/nowhere.mp4")).rejects.toMatchObject({
      code: "STAGE_TIMEOUT",
      fault: "upload",
      message: "ffmpeg was killed after 3000 ms (timeoutMs of ffmpeg())",
    });
    for (const pid of (await written(pids)).split(",")) await gone(Number(pid));
  });

  test("is killed by the signal, and the reason is told", async () => {
    const pid = join(folder, "aborted-pid");
    const tells = `require("fs").writeFileSync(${JSON.stringify(pid)}, String(process.pid)); setInterval(() => {}, 1000);`;
    const decoder = ffmpeg({ ffmpegPath: fake("ffmpeg-aborted", tells) });
    const controller = new AbortController();
    const frames = framesOf(decoder, "/nowhere.mp4", { signal: controller.signal });
    const started = written(pid);
    const rejection = expect(frames).rejects.toThrow("enough");
    await started;
    controller.abort(new Error("enough"));
    await rejection;
    await gone(Number(await started));
  });

  test.each(["thumbnail", "vision", "probe", "version"] as const)(
    "is killed by close(), which is no fault of the video: %s",
    async (what) => {
      const path = join(folder, "healthy.mp4");
      writeFileSync(path, "x");
      const pid = join(folder, `closed-pid-${what}`);
      const hangs = `require("fs").writeFileSync(${JSON.stringify(pid)}, String(process.pid)); setInterval(() => {}, 1000);`;
      const binary =
        what === "version" ? binaryOf(folder, "ff-closed-version", hangs) : fake(`ff-closed-${what}`, hangs);
      const decoder = ffmpeg({ ffmpegPath: binary, ffprobePath: binary });
      const working =
        what === "probe"
          ? Promise.resolve(decoder.probe?.({ path }, { signal }))
          : framesOf(decoder, path, { purpose: what === "vision" ? what : "thumbnail" });
      const rejection = expect(working).rejects.toMatchObject(CLOSED);
      await written(pid);
      await decoder.close?.();
      await gone(Number(await written(pid)));
      await rejection;
    },
  );

  test("is not started when the signal is aborted already", async () => {
    const aborted = AbortSignal.abort(new Error("before"));
    const decoder = ffmpeg({ ffmpegPath: "/there/is/none" });
    await expect(framesOf(decoder, "/nowhere.mp4", { signal: aborted })).rejects.toThrow("before");
  });

  test("that crashes is the fault of the file; one that was killed from outside is not", async () => {
    const path = join(folder, "a.mp4");
    writeFileSync(path, "x");
    const dies = (name: string, by: string) =>
      framesOf(
        ffmpeg({ ffmpegPath: fake(name, `process.kill(process.pid, "${by}"); setInterval(() => {}, 1000)`) }),
        path,
      );
    await expect(dies("ffmpeg-crash", "SIGSEGV")).rejects.toMatchObject({ code: "INVALID_MEDIA", retryable: false });
    await expect(dies("ffmpeg-killed", "SIGKILL")).rejects.toMatchObject({ code: "STORAGE_FAILED", retryable: true });
  });

  test.skipIf(process.platform !== "linux")("that takes too much memory is killed", async () => {
    const takes = `const all = []; for (let left = 20; left > 0; left--) all.push(Buffer.alloc(100 * 2 ** 20, 1)); setInterval(() => {}, 1000);`;
    const decoder = ffmpeg({ ffmpegPath: fake("ffmpeg-memory", takes) });
    await expect(framesOf(decoder, "/nowhere.mp4")).rejects.toMatchObject({
      code: "MEDIA_TOO_LARGE",
      message: "Decoding the video takes more than 1536 MiB of memory",
    });
  });

  test("that writes without end is stopped, and what it says is not kept", async () => {
    const floods = `const line = "[error] " + "x".repeat(9000) + "\\n"; process.on("SIGPIPE", () => {}); let left = 2000;
      (function more() { if (left-- === 0) process.exit(1); process.stderr.write(line, more); })();`;
    const path = join(folder, "b.mp4");
    writeFileSync(path, "x");
    const error = await framesOf(ffmpeg({ ffmpegPath: fake("ffmpeg-floods", floods) }), path).catch((thrown) => thrown);
    expect(error.code).toBe("INVALID_MEDIA");
    expect(error.message.length).toBeLessThanOrEqual(500);
    const endless = `(function more() { process.stdout.write("P7\\nWIDTH 9000\\nHEIGHT 9000\\nDEPTH 3\\nMAXVAL 255\\nTUPLTYPE RGB\\nENDHDR\\n" + "x".repeat(65536), more); })();`;
    await expect(framesOf(ffmpeg({ ffmpegPath: fake("ffmpeg-endless", endless) }), path)).rejects.toThrow(/no picture/);
    const talks = `(function more() { process.stdout.write("x".repeat(65536), more); })();`;
    await expect(probe({ ffprobePath: fake("ffprobe-talks", talks) }, path)).rejects.toMatchObject({
      code: "INVALID_MEDIA",
    });
  });
});

describe.skipIf(!hasFfmpeg || !hasEncoder("libvpx-vp9"))(`alpha where ffmpeg has no libvpx${needsFfmpeg}`, () => {
  test("is refused by name, and other videos are shown", async () => {
    const ffmpegPath = join(folder, "ffmpeg-without-libvpx");
    const answer = 'if [ "$2" = -decoders ]; then echo " VFS..D vp9   Google VP9"; exit; fi';
    writeFileSync(ffmpegPath, `#!/bin/sh\n${answer}\nexec ffmpeg "$@"\n`);
    chmodSync(ffmpegPath, 0o755);
    const decoder = ffmpeg({ ffmpegPath });
    const path = await videos.path("alpha.webm");
    for (const purpose of ["thumbnail", "vision"] as const) {
      const error = await framesOf(decoder, path, { purpose }).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: "UNSUPPORTED_MEDIA", fault: "upload" });
      expect(error.message).toMatch(/transparent \(vp9\).*libvpx-vp9.*ffmpegPath/);
    }
    expect(await framesOf(decoder, await videos.path("vp9.webm"))).toHaveLength(1);
  });
});

describe.skipIf(!hasFfmpeg)(`nothing is left${needsFfmpeg}`, () => {
  test("when it is closed during the search for a frame that is not black: that none was found yet says nothing", async () => {
    const pid = join(folder, "black-pid");
    const ffmpegPath = join(folder, "ffmpeg-searching");
    const search = `case "$*" in *blackframe*) echo $$ > ${pid}; exec sleep 1000;; esac`;
    writeFileSync(ffmpegPath, `#!/bin/sh\n${search}\nexec ffmpeg "$@"\n`);
    chmodSync(ffmpegPath, 0o755);
    const decoder = ffmpeg({ ffmpegPath });
    const rejection = expect(framesOf(decoder, await videos.path("all-black.mp4"))).rejects.toMatchObject(CLOSED);
    await written(pid);
    await decoder.close?.();
    await rejection;
  });

  test("when who takes the frames leaves the loop early", async () => {
    const path = await videos.path("h264.mp4");
    for (const name of ["h264.mp4", "hour.mp4"] as const) {
      const request = { max: 10, maxSide: 320, limitPixels: 1e8, purpose: "vision", signal } as const;
      for await (const frame of ffmpeg().frames({ path: await videos.path(name) }, request)) {
        expect(frame.timeSeconds).toBeGreaterThan(0);
        break;
      }
      expect(childProcesses(), path).toEqual([]);
    }
  });

  test.skipIf(process.platform !== "linux")("when the process that has started it is killed", async () => {
    const pidFile = join(folder, "orphan-pid");
    const wrapper = join(folder, "ffmpeg-orphan");
    writeFileSync(
      wrapper,
      `#!/bin/sh\nif [ "$1" = -version ]; then exec ffmpeg -version; fi\necho $$ > ${pidFile}\nexec ffmpeg "$@"\n`,
    );
    chmodSync(wrapper, 0o755);
    const path = await videos.path("hour.mp4");
    const script = join(import.meta.dirname, "../support/ffmpeg-worker.ts");
    const child = startChild(script, [wrapper, path]);
    const pid = Number(await written(pidFile));
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
    await gone(pid);
  });
});

const traces = hasFfmpeg && isInstalled("strace") && spawnSync("strace", ["-qq", "true"]).status === 0;
describe.skipIf(!traces)(
  `what ffmpeg opens${traces ? "" : " (passed over: strace is not installed, or may not trace)"}`,
  () => {
    const SYSTEM = /^\/(?:usr\/|lib|etc\/(?:ld\.so|ssl\/|gcrypt|fonts|OpenCL|vdpau)|proc\/|sys\/|dev\/)/;

    /** The files outside of the system's that were opened, and the addresses that were connected to. */
    function openedIn(log: string): string[] {
      const lines = readFileSync(log, "utf8").split("\n");
      const calls = lines.filter(
        (line) => /\b(?:open(?:at)?|creat|connect|bind|execve)\(/.test(line) && !/ = -1 /.test(line),
      );
      return calls
        .map((line) => /"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? line)
        .filter((path) => path !== "" && !SYSTEM.test(path));
    }

    test.each(["h264.mp4", "pq.mp4", "playlist.mp4", "script.mp4", "manifest.mp4"] as const)(
      "%s: that file",
      async (name) => {
        const log = join(folder, `trace-${name}`);
        const wrapper = (program: string) => {
          const path = join(folder, `ff-traced-${program}`);
          writeFileSync(
            path,
            `#!/bin/sh\nexec strace -f -qq -A -s 4096 -e trace=%file,%network -o ${log} ${program} "$@"\n`,
          );
          chmodSync(path, 0o755);
          return path;
        };
        const decoder = ffmpeg({ ffmpegPath: wrapper("ffmpeg"), ffprobePath: wrapper("ffprobe"), timeoutMs: 120_000 });
        const path = await videos.path(name);
        await decoder.probe?.({ path }, { signal }).catch(() => {});
        await framesOf(decoder, path, { purpose: "vision", max: 2 }).catch(() => {});
        await framesOf(decoder, path).catch(() => {});
        const opened = openedIn(log);
        expect(opened.length).toBeGreaterThan(0);
        expect([...new Set(opened)]).toEqual([path]);
      },
      120_000,
    );

    test("and the test sees what it looks for", async () => {
      const log = join(folder, "trace-of-a-script");
      const path = await videos.path("script.mp4");
      const open = ["ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", path, "-f", "null", "-"];
      expect(
        spawnSync("strace", ["-f", "-qq", "-s", "4096", "-e", "trace=%file,%network", "-o", log, ...open]).status,
      ).toBe(0);
      expect(openedIn(log)).toContain(await videos.path("secret.ts"));
    });
  },
);
