/** How far a long run is: one line of a terminal that changes, else a line at each twentieth of it. */
export interface Told {
  readonly at: (done: number) => void;
  /** Clears the line. */
  readonly end: () => void;
}

/** @param total how many of `what` there are, such as `kills` */
export function tellProgress(total: number, what: string): Told {
  const { stdout } = process;
  const step = Math.max(1, Math.floor(total / 20));
  return {
    at(done) {
      const text = `${done} of ${total} ${what}`;
      if (stdout.isTTY) stdout.write(`\r${text} `);
      else if (done % step === 0) console.log(text);
    },
    end() {
      if (stdout.isTTY) stdout.write("\r\x1b[K");
    },
  };
}
