import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { localAI } from "../../src/adapters/local-ai.js";
import { processUploadWithRetry } from "../../src/index.js";
import { uploadOf, worldOf } from "../support/fakes.js";
import { photo } from "../support/images.js";
import { mediaOf } from "../support/media.js";

const ai = localAI();

/** Runs `work` over the media of an upload with this original, as the library would. */
async function withMedia<T>(
  bytes: Uint8Array,
  work: (media: Parameters<typeof ai.describe>[0]) => Promise<T>,
): Promise<T> {
  const { media, prepare } = mediaOf(() => ({ bytes }));
  try {
    return await work(await prepare());
  } finally {
    await media.release();
  }
}
const describeImage = (bytes: Uint8Array) => withMedia(bytes, (media) => ai.describe(media));
const embedImage = (bytes: Uint8Array) => withMedia(bytes, (media) => ai.embed({ text: "", media }));

function drawn(content: string, width = 600, height = 400): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}
const flat = (colour: string, width?: number, height?: number) =>
  drawn(`<rect width="100%" height="100%" fill="${colour}"/>`, width, height);

describe("describe", () => {
  it.each([
    ["black", "#000000"],
    ["white", "#ffffff"],
    ["grey", "#808080"],
    ["red", "#e02020"],
    ["orange", "#ffa500"],
    ["yellow", "#ffe000"],
    ["green", "#2e9d32"],
    ["turquoise", "#40e0d0"],
    ["light blue", "#87ceeb"],
    ["blue", "#2050e0"],
    ["dark blue", "#101850"],
    ["purple", "#800080"],
    ["pink", "#ffc0cb"],
    ["brown", "#8b4513"],
    ["beige", "#d2b48c"],
    ["olive", "#808000"],
  ])("calls a colour by its name: %s", async (name, colour) => {
    const { text, metadata } = await describeImage(await flat(colour));
    expect(text).toContain(`image, almost entirely ${name}.`);
    expect(text).toContain("smooth");
    expect(metadata.visual.colours).toEqual([{ name, share: 1 }]);
  });

  it("names the colours in the order of their shares, and small vivid ones as touches", async () => {
    const stripes = `<rect width="600" height="400" fill="#2050e0"/><rect width="600" height="150" fill="#ffffff"/>`;
    const { text } = await describeImage(
      await drawn(`${stripes}<rect x="20" y="20" width="100" height="60" fill="#e02020"/>`),
    );
    expect(text).toContain("mostly blue and white, with touches of red");
  });

  it.each([
    ["square", 400, 400],
    ["landscape-format", 600, 400],
    ["portrait-format", 400, 600],
    ["panoramic", 1200, 300],
    ["tall, narrow", 300, 1200],
  ])("tells the format: %s", async (format, width, height) => {
    expect((await describeImage(await flat("#2050e0", width, height))).text).toContain(`${format} image`);
  });

  it("goes by what is seen, not by how the pixels are stored", async () => {
    const turned = await sharp(await flat("#2050e0", 600, 400))
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect((await describeImage(turned)).text).toContain("portrait-format");
  });

  it.each([
    ["in the upper left part", 100, 70],
    ["in the upper half", 300, 60],
    ["in the centre", 300, 200],
    ["in the right half", 520, 200],
    ["in the lower right part", 520, 340],
  ])("tells where the detail is: %s", async (place, x, y) => {
    const rings = [40, 30, 20, 10].map(
      (r, ring) => `<circle cx="${x}" cy="${y}" r="${r}" fill="${ring % 2 ? "#fff" : "#000"}"/>`,
    );
    const { text } = await describeImage(
      await drawn(`<rect width="600" height="400" fill="#808080"/>${rings.join("")}`),
    );
    expect(text).toContain(`is mostly ${place}, on a plain grey background`);
  });

  it.each([
    ["top", "#87ceeb", 200],
    ["bottom", "#87ceeb", 0],
  ])("tells of a plain %s", async (edge, colour, busyFrom) => {
    const dots = Array.from({ length: 400 }, (_, n) => {
      return `<circle cx="${(n * 37) % 600}" cy="${busyFrom + ((n * 53) % 200)}" r="4" fill="${n % 2 ? "#000" : "#fff"}"/>`;
    });
    const { text } = await describeImage(
      await drawn(`<rect width="600" height="400" fill="${colour}"/>${dots.join("")}`),
    );
    expect(text).toContain(`Its ${edge} is plain light blue.`);
  });

  it("tells light and contrast, and measures what it tells", async () => {
    const rocket = await describeImage(photo("rocket.jpg"));
    expect(rocket.text).toMatch(/^A dark landscape-format image, mostly dark blue.* lower half\. Its top is plain/);
    expect(rocket.metadata.visual).toMatchObject({
      brightness: expect.closeTo(24, 0),
      contrast: expect.closeTo(13, 0),
    });
    const astronaut = await describeImage(photo("astronaut.jpg"));
    expect(astronaut.text).toMatch(/^A high-contrast square image, /);
    expect((await describeImage(photo("hubble.jpg"))).text).toMatch(/^A very dark, monochrome .* mostly black/);
  });

  it("makes sentences of whatever it is given, and figures that can be stored", async () => {
    const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
    const create = { width: 300, height: 200, channels: 3, background: "#000", noise } as const;
    const images = [
      ...["cat.png", "coffee.webp", "astronaut-round-alpha.png", "rocket-exif-rotated.jpg"].map(photo),
      ...[await sharp({ create }).png().toBuffer(), await flat("#777", 1, 1), await flat("#777", 1, 3000)],
    ];
    for (const image of images) {
      const { text, metadata } = await describeImage(image);
      expect(text).toMatch(/^A [a-z].*\.$/);
      expect(text).not.toMatch(/ {2}|,,|\.\.|undefined|NaN| ,| \./);
      expect(text.split(". ").length).toBeLessThanOrEqual(4);
      expect(JSON.parse(JSON.stringify(metadata))).toEqual(metadata);
    }
  });
});

describe("embed", () => {
  const names = ["astronaut.jpg", "astronaut-round-alpha.png", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"];
  const uprights = new Map<string, Buffer>();
  const gallery = new Map<string, Float32Array>();

  beforeAll(async () => {
    for (const name of names) {
      const upright = sharp(photo(name)).autoOrient().flatten({ background: "#fff" });
      uprights.set(name, await upright.png({ compressionLevel: 1 }).toBuffer());
      gallery.set(name, await embedImage(photo(name)));
    }
    // Like the photos in almost everything: the same colours, or the same edges, but elsewhere or otherwise.
    const altered: Record<string, (image: Sharp) => Sharp> = {
      mirrored: (image) => image.flop(),
      "upside down": (image) => image.rotate(180),
      recoloured: (image) => image.modulate({ hue: 120 }),
      negative: (image) => image.negate(),
    };
    for (const name of names)
      for (const [how, alter] of Object.entries(altered))
        gallery.set(
          `${name}, ${how}`,
          await embedImage(
            await alter(sharp(uprights.get(name)))
              .png()
              .toBuffer(),
          ),
        );
    for (let seed = 1; seed <= 40; seed++) gallery.set(`drawing ${seed}`, await embedImage(await randomDrawing(seed)));
  });

  function nearestTo(vector: Float32Array): string {
    const similarities = [...gallery].map(([name, other]) => ({ name, similarity: cosine(vector, other) }));
    return similarities.reduce((best, one) => (one.similarity > best.similarity ? one : best)).name;
  }

  it("makes vectors of one length and of length 1, the same for the same image", async () => {
    for (const vector of gallery.values()) {
      expect(vector).toHaveLength(ai.dimensions);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    }
    expect(await embedImage(photo("cat.png"))).toEqual(gallery.get("cat.png"));
    for (const image of [await flat("#000"), await flat("#808080"), await flat("#fff", 1, 1)])
      expect(Math.hypot(...(await embedImage(image)))).toBeCloseTo(1, 5);
  });

  it("takes a photo that is stored turned for the same photo", async () => {
    const turned = await embedImage(photo("rocket-exif-rotated.jpg"));
    expect(cosine(turned, gallery.get("rocket.jpg") as Float32Array)).toBeGreaterThan(0.995);
  });

  const crop = (share: number, across: number, down: number) => async (image: Sharp) => {
    const { width, height } = await image.metadata();
    const [w, h] = [Math.floor(width * Math.sqrt(share)), Math.floor(height * Math.sqrt(share))];
    const [left, top] = [Math.floor((width - w) * across), Math.floor((height - h) * down)];
    return image.extract({ left, top, width: w, height: h }).jpeg();
  };
  const versions: [string, (image: Sharp) => Sharp | Promise<Sharp>][] = [
    ["the top left 70 %", crop(0.7, 0, 0)],
    ["the top right 70 %", crop(0.7, 1, 0)],
    ["the bottom left 70 %", crop(0.7, 0, 1)],
    ["the bottom right 70 %", crop(0.7, 1, 1)],
    ["the middle 70 %", crop(0.7, 0.5, 0.5)],
    ["the middle 85 %", crop(0.85, 0.5, 0.5)],
    ["a quarter of the size", async (image) => image.resize(Math.round((await image.metadata()).width / 4)).jpeg()],
    ["JPEG at quality 40", (image) => image.jpeg({ quality: 40 })],
    ["WebP at quality 50", (image) => image.webp({ quality: 50 })],
    ["AVIF at quality 40", (image) => image.avif({ quality: 40, effort: 0 })],
    ["a fifth darker", (image) => image.modulate({ brightness: 0.8 }).jpeg()],
    ["a fifth brighter", (image) => image.modulate({ brightness: 1.2 }).jpeg()],
    ["a little blurred", (image) => image.blur(1.5).jpeg()],
    [
      "all at once",
      async (image) =>
        (await crop(0.75, 0.3, 0.6)(image)).resize(150).modulate({ brightness: 1.1 }).jpeg({ quality: 40 }),
    ],
  ];

  it.each(versions)("finds a photo by a version of it: %s", async (_, change) => {
    const found: Record<string, string> = {};
    for (const name of names) {
      const version = await (await change(sharp(uprights.get(name)))).toBuffer();
      found[name] = nearestTo(await embedImage(version));
    }
    expect(found).toEqual(Object.fromEntries(names.map((name) => [name, name])));
  });
});

it("serves the library", async () => {
  const upload = uploadOf("u1");
  const { storage, repository } = worldOf([upload]);
  storage.put(upload.storageKey, photo("coffee.webp"));
  const result = await processUploadWithRetry(upload, { storage, repository, ai });
  expect(result.status).toBe("completed");
  const stored = await repository.findUpload("u1");
  expect(stored).toMatchObject({
    description: expect.stringMatching(/^A vivid landscape-format image/),
    metadata: {
      visual: { brightness: expect.any(Number) },
      media: { mimeType: "image/webp", width: 600, height: 400 },
    },
    aiVersion: ai.version,
  });
  expect(stored?.embedding).toHaveLength(ai.dimensions);
});

function cosine(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, value, index) => sum + value * (other[index] as number), 0);
}

/** Shapes in all colours on a gradient: always the same for one seed. */
function randomDrawing(seed: number): Promise<Buffer> {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state / 0x80000000) * below;
  };
  const colour = () => `rgb(${[random(256), random(256), random(256)].map(Math.floor)})`;
  const gradient = `<linearGradient id="g" x2="${random(1)}" y2="${random(1)}"><stop stop-color="${colour()}"/><stop offset="1" stop-color="${colour()}"/></linearGradient>`;
  const shapes = Array.from({ length: 3 + random(20) }, () =>
    random(2) < 1
      ? `<circle cx="${random(300)}" cy="${random(200)}" r="${random(80)}" fill="${colour()}"/>`
      : `<rect x="${random(300)}" y="${random(200)}" width="${random(150)}" height="${random(100)}" fill="${colour()}"/>`,
  );
  return drawn(`${gradient}<rect width="300" height="200" fill="url(#g)"/>${shapes.join("")}`, 300, 200);
}
