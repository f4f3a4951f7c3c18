/** The most bytes of vision images that may wait for their models. */
const MOST_BYTES = 16 * 2 ** 20;

/**
 * Decides whether an image for the model is made along with the thumbnail, of one decoding, before the model has asked for it: it
 * is when the model asked for the last one of the same type. Models that read the original itself are so found out with the first
 * upload. What is kept for them is bounded: when many uploads wait, each image is made when it is asked for.
 */
export class VisionAhead {
  readonly #asked = new Map<string, boolean>();
  #bytes = 0;

  expects(mimeType: string): boolean {
    return this.#bytes < MOST_BYTES && this.#asked.get(mimeType) !== false;
  }

  /** @param asked whether a model that has described an original of this type has asked for an image of it */
  learn(mimeType: string, asked: boolean): void {
    this.#asked.set(mimeType, asked);
  }

  hold(bytes: number): void {
    this.#bytes += bytes;
  }

  letGo(bytes: number): void {
    this.#bytes -= bytes;
  }
}
