import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Mean = readonly [number, number, number];

/** Whether this program is installed, and is what it is called: other programs have these names, too. */
export function isInstalled(decoder: "convert" | "heif-convert"): boolean {
  const { stdout, stderr, error } = spawnSync(decoder, [decoder === "convert" ? "-version" : "--help"], {
    encoding: "utf8",
  });
  return (
    error === undefined && (decoder === "convert" ? /^Version: ImageMagick/ : /heif-convert/).test(stdout + stderr)
  );
}

/** The mean colour of an image as another program decodes it, laid on a background. Needs ImageMagick for either. */
export function meanBy(decoder: "convert" | "heif-convert", file: Buffer, background = "#ffffff"): Mean {
  const folder = mkdtempSync(join(tmpdir(), "formats-"));
  try {
    let path = join(folder, "image");
    writeFileSync(path, file);
    if (decoder === "heif-convert") {
      execFileSync("heif-convert", [path, `${path}.png`], { stdio: "ignore" });
      path = `${path}.png`;
    }
    const means = "%[fx:255*mean.r] %[fx:255*mean.g] %[fx:255*mean.b]";
    const shown = ["-colorspace", "sRGB", "-background", background, "-flatten"];
    const args = [`${path}[0]`, ...shown, "-format", means, "info:"];
    // It answers although a part of the image is missing, and ends with 1 then.
    const { stdout } = spawnSync("convert", args, { encoding: "utf8" });
    return stdout.trim().split(" ").map(Number) as unknown as Mean;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
