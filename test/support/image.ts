import sharp from "sharp";

/** A small real JPEG. */
export const jpeg = new Uint8Array(
  await sharp({ create: { width: 64, height: 48, channels: 3, background: "#3366aa" } })
    .jpeg()
    .toBuffer(),
);
