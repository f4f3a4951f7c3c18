import { SharedLock } from "../async/shared-lock.js";
import { messageOf } from "../errors.js";

/**
 * libvips and sharp keep what decoders complain of in one place for the whole process: whoever ends next takes it, and clears
 * it. Where eight images were decoded at once, a quarter of the damaged ones failed without a reason, and some with that of
 * another. So an image whose outcome hangs on what its decoder says is decoded once more, while no other one is.
 */
export type RequireHeard = (thrown: unknown) => void;

/**
 * The same in every copy of the package, as libvips is. Each worker thread has one of its own: between threads words are still
 * mixed.
 */
const LOCK = Symbol.for("upload-processor.decoding");

function lockOfProcess(): SharedLock {
  const ofProcess = globalThis as { [LOCK]?: SharedLock };
  ofProcess[LOCK] ??= new SharedLock();
  return ofProcess[LOCK];
}

/** Longer than an image takes that the limits let in. */
const LONGEST_WAIT_MS = 10_000;
/** The application may use sharp itself, and take the words of a decoder that works alone here. */
const TRIES = 3;
/** The last of these: libvips goes by the header of another file that was under this path before. */
const SAYS_NOTHING =
  /^(?:warning treated as error due to failOn setting|unknown error|\w+: images do not match between header and load)?$/i;

/**
 * @param work everything that is done with sharp for one image. Before it goes by what sharp has thrown, it calls the function
 *   that it is given: that throws when the words may be those of another image, and then `work` is called again, alone
 */
export async function decodeHeard<T>(work: (requireHeard: RequireHeard) => Promise<T>): Promise<T> {
  const lock = lockOfProcess();
  const heardIf = (isHeard: () => boolean) => (thrown: unknown) => {
    if (!isHeard() || SAYS_NOTHING.test(messageOf(thrown).trim())) throw new Unheard();
  };
  try {
    return await lock.shared((wasAlone) => work(heardIf(wasAlone)));
  } catch (error) {
    if (!(error instanceof Unheard)) throw error;
  }
  for (let left = TRIES; left > 1; left--) {
    try {
      return await lock.exclusive(() => work(heardIf(() => true)), LONGEST_WAIT_MS);
    } catch (error) {
      if (!(error instanceof Unheard)) throw error;
    }
  }
  return await lock.exclusive(() => work(() => {}), LONGEST_WAIT_MS);
}

export class Unheard extends Error {}
