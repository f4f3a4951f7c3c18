import { sampleJpeg } from "../../src/testing/sample-jpeg.js";

/** A small JPEG that is made without sharp, for processes that have to start fast. */
export const jpeg = sampleJpeg();
