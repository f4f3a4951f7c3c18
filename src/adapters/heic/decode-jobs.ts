import type { Answer, Job, Lacked } from "./job.js";
import type { Libheif, LibheifError, LibheifImage } from "./libheif.js";
import type { Parts } from "./worker-source.js";

type Outcome = Answer extends infer Kind ? (Kind extends Answer ? Omit<Kind, "heapBytes"> : never) : never;

/** Without the types of browsers, TypeScript knows none of it. */
interface WithWebAssembly {
  readonly WebAssembly: {
    Module: new (program: Uint8Array) => object;
    readonly Memory: { readonly prototype: WasmMemory };
  };
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** By so many pages of 64 KiB. */
  grow: (this: WasmMemory, pages: number) => number;
}

/**
 * The program of a worker: decodes what it is sent, one job after the other.
 *
 * Runs in a worker: uses nothing from outside of itself.
 *
 * @param load `require`, under a name that bundlers leave alone
 */
export function decodeJobs(load: NodeJS.Require, { reduce, toSrgb, encodePng }: Parts): void {
  const { parentPort, workerData } = load("node:worker_threads") as typeof import("node:worker_threads");
  const { readFileSync } = load("node:fs") as typeof import("node:fs");
  const { deflateSync } = load("node:zlib") as typeof import("node:zlib");
  // libheif writes what it finds wrong with a file. A library does not write to the console of its program.
  for (const method of ["log", "info", "warn", "error"] as const) console[method] = () => {};

  // The memory of WebAssembly is not bounded by the limits of a worker. This is where it grows: a file that lies about its size
  // gets no more than a true one, and libheif fails as if there were none left.
  let limitBytes = Number.POSITIVE_INFINITY;
  let heapBytes = 0;
  let lacked: Lacked;
  const { WebAssembly } = globalThis as unknown as WithWebAssembly;
  const memory = WebAssembly.Memory.prototype;
  const { grow } = memory;
  memory.grow = function (pages) {
    const wanted = this.buffer.byteLength + pages * 65_536;
    if (wanted > limitBytes) {
      lacked = "limit";
      throw new RangeError("more memory than the picture may have");
    }
    try {
      const before = grow.call(this, pages);
      heapBytes = wanted;
      return before;
    } catch (error) {
      lacked = "system";
      throw error;
    }
  };

  // To compile libheif takes as long as a small picture, and each file has an instance of its own: it is compiled once.
  let compiled: object | undefined;
  WebAssembly.Module = new Proxy(WebAssembly.Module, {
    construct: (Module, [program]) => (compiled ??= new Module(program)),
  });

  const isError = (answer: object | null): answer is LibheifError => answer === null || "code" in answer;
  const refused = (error: LibheifError | null): Outcome => ({
    kind: "refused",
    code: error?.code?.value ?? 6,
    message: String(error?.message ?? "no memory"),
    lacked,
  });

  // Nothing of it is released: all of its memory goes with it.
  const decode = async (libheif: Libheif, bytes: Uint8Array, job: Job): Promise<Outcome> => {
    const context = libheif.heif_context_alloc();
    if (context === null) return refused(null);
    const read = libheif.heif_context_read_from_memory(context, bytes);
    if (read.code.value !== 0) return refused(read);
    const handle = libheif.heif_js_context_get_primary_image_handle(context);
    if (isError(handle)) return refused(handle);
    const hasAlpha = Boolean(libheif.heif_image_handle_has_alpha_channel(handle));
    const { heif_chroma_interleaved_RGB: rgb, heif_chroma_interleaved_RGBA: rgba } = libheif.heif_chroma;
    const { heif_colorspace_RGB } = libheif.heif_colorspace;
    const image = await libheif.heif_js_decode_image2(handle, heif_colorspace_RGB, hasAlpha ? rgba : rgb);
    if (isError(image)) return refused(image);
    const premultiplied = hasAlpha && Boolean(libheif.heif_image_handle_is_premultiplied_alpha(handle));
    return picture(image, hasAlpha, premultiplied, job);
  };

  const picture = ({ channels }: LibheifImage, hasAlpha: boolean, premultiplied: boolean, job: Job): Outcome => {
    const { data, stride, width, height } = channels[0];
    const raster = reduce({ data, stride, width, height, channels: hasAlpha ? 4 : 3, premultiplied }, job.maxSide);
    if (job.profile !== undefined) return { kind: "encoded", encoded: encodePng(raster, job.profile, deflateSync) };
    if (job.gamut !== undefined || job.exponent !== undefined) toSrgb(raster, job.gamut, job.exponent);
    return { kind: "pixels", raster };
  };

  const answer = async (job: Job): Promise<Outcome> => {
    limitBytes = job.memoryBytes;
    heapBytes = 0;
    lacked = undefined;
    // A new one for each file. The decoder leaves pixels that a damaged file does not code as it finds them in its memory: in a used
    // one that is the picture of the file before, of another user.
    let libheif: Libheif;
    try {
      libheif = (load(workerData.libheif) as () => Libheif)();
      await libheif.ready;
    } catch (error) {
      const message = String((error as Error)?.message ?? error);
      // Where there is no memory for an instance, WebAssembly says so by a RangeError.
      return error instanceof RangeError
        ? { kind: "broken", message, lacked: "system" }
        : { kind: "unloadable", message };
    }
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(job.path);
    } catch (error) {
      const { code, syscall, message } = error as NodeJS.ErrnoException;
      return { kind: "system", code: String(code), syscall: String(syscall), message };
    }
    try {
      return await decode(libheif, bytes, job);
    } catch (error) {
      return { kind: "broken", message: String((error as Error)?.message ?? error), lacked };
    }
  };

  parentPort?.on("message", async (job: Job) => {
    const outcome = await answer(job);
    const { buffer } =
      outcome.kind === "pixels"
        ? outcome.raster.pixels
        : outcome.kind === "encoded"
          ? outcome.encoded
          : { buffer: null };
    parentPort.postMessage(Object.assign(outcome, { heapBytes }), buffer === null ? [] : [buffer]);
  });
  parentPort?.postMessage("ready");
}
