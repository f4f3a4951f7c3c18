import { ffmpeg } from "../../src/adapters/ffmpeg.js";

/** Takes frames of a video with a binary of ffmpeg, again and again, until it is killed. */
const [ffmpegPath = "", path = ""] = process.argv.slice(2);
const signal = new AbortController().signal;
const request = { max: 64, maxSide: 160, limitPixels: 1e8, purpose: "vision", signal } as const;
for (;;) for await (const _ of ffmpeg({ ffmpegPath }).frames({ path }, request));
