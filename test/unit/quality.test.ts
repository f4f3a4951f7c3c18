import { describe, expect, test } from "vitest";
import { type AuditVerdict, type DescriptionQualityOptions, descriptionQuality } from "../../src/index.js";
import { figuresOf, judge } from "../evaluation/quality/figures.js";
import { labelledSet } from "../evaluation/quality/labelled-set.js";

const upload = { id: "1", storageKey: "1.jpg", status: "pending" } as const;

function check(text: string, options?: DescriptionQualityOptions, prompt?: string): AuditVerdict {
  return descriptionQuality(options).check(text, { upload, kind: "image", prompt });
}
const kindsOf = ({ issues }: AuditVerdict) => issues.map((issue) => issue.slice(0, issue.indexOf(":")));

describe("the labelled set", () => {
  const set = labelledSet();
  const written = set.filter(({ isMade }) => !isMade);
  const good = set.filter(({ kind }) => kind === "good");
  const bad = set.filter(({ kind }) => kind !== "good");

  test("has at least 300 of each, in at least 15 languages, and half of the bad ones are written by hand", () => {
    for (const part of [good, bad]) {
      expect(part.length).toBeGreaterThanOrEqual(300);
      expect(new Set(part.map(({ language }) => language)).size).toBeGreaterThanOrEqual(15);
    }
    expect(bad.filter(({ isMade }) => !isMade).length).toBeGreaterThan(bad.length / 2);
    expect(new Set(written.map(({ language, text, prompt }) => `${language} ${text} ${prompt}`)).size).toBe(
      written.length,
    );
  });

  test.each(["tuning", "held out"] as const)("%s: precision and recall of at least 0.98", (half) => {
    const part = set.filter((one) => one.half === half);
    expect(part.length).toBeGreaterThan(set.length * 0.4);
    const { precision, recall } = figuresOf(judge(descriptionQuality(), part));
    expect(precision).toBeGreaterThanOrEqual(0.98);
    expect(recall).toBeGreaterThanOrEqual(0.98);
  });

  test("every good text is in one of the scripts of its language", () => {
    // Beside lists of English names: words of the picture in other scripts are quoted.
    const wrong = good.filter(({ text, language }) => !check(text, { languages: [language] }).ok);
    expect(wrong.map(({ text }) => text)).toEqual([]);
  });
});

describe("each check", () => {
  test.each([
    ["empty", ""],
    ["empty", " \n…"],
    ["empty", "N/A"],
    ["empty", "DSC_0042.JPG"],
    ["tokens", "A dog on a beach.<|eot_id|>"],
    ["tokens", "[INST] A dog on a beach. [/INST]"],
    ["reasoning", "A dog on a beach. Wait, there may be two dogs. Both are brown."],
    ["reasoning", "用户要求描述图片。图中有一只狗。"],
    ["loop", `A dog on a beach, ${"and a ball ".repeat(9)}`],
    ["loop", `A dog on a beach${"h".repeat(40)}.`],
    ["loop", "The first man has a bag. The second man has a bag. ".repeat(2) + "The third man has a bag. ".repeat(3)],
    ["soup", "A dоg on а beаch with a bаll."],
    ["soup", "A d\ufffdg on \ufffd bea\ufffdh."],
    ["soup", "A dog 图 на beach ที่ with หมา и 球."],
    ["soup", "roUteR _x7 ##ing thE dEvGn {of} the sand"],
    ["echo", "Describe the picture in a few words."],
    ["refusal", "I'm sorry, but I can't see the picture."],
    [
      "refusal",
      "Zwei Kinder am Strand. Als KI-Modell erkenne ich leider keine Gesichter. Ich kann die Person nicht benennen.",
    ],
    ["cut-off", "A dog runs along the beach. Behind it a child with a red bu"],
    ["cut-off", "A dog on the"],
    ["cut-off", "Ein Hund, ein Ball,"],
    ["debris", "dog [12, 44, 310, 580]"],
    ["debris", '{"caption": "a dog"}'],
  ])("%s: %j", (kind, text) => {
    const verdict = check(text);
    expect(verdict.ok).toBe(false);
    expect(verdict.score).toBeLessThan(0.5);
    expect(kindsOf(verdict)).toContain(kind);
  });

  test.each([
    "A dog",
    "Strand mit Hund",
    "A dog. It barks!",
    "A sign: \"I'm sorry, but we can't see you today\", in red letters.",
    "Ein Aushang mit der Aufschrift „Tut mir leid, ich kann leider nicht öffnen“.",
    "A slide about chat templates, with the line `<|im_start|>user` in a grey box.",
    "Dr. Smith in front of St. Mary's",
    'A child says "ha ha ha ha ha ha ha ha ha" in a speech bubble.',
    "Contents: Soups .............. 12, Fish .............. 40.",
    "LED を使った Tシャツ、USB-C ケーブルと QR コード。",
    "QR-код на двери, рядом iPhone и наклейка Wi-Fi.",
    "A map with the position (52.52, 13.40) marked in red.",
    "1. A red chair\n2. A blue chair\n3. A lamp",
    "Two friends laughing :)",
    "Beach day 🏖️🌊 #sun #fun",
    "People wait on a platform because the train never arrived.",
    "Auf dem Bahnsteig warten Leute; der Zug ist noch nicht angekommen.",
    "Старая дверь не открывается, её держат двое рабочих.",
    "落叶堆在一扇无法打开的铁门前。",
    "A handwritten note on the door says: I'm sorry I missed you. I should have called.",
    "Auf dem Zettel steht: Es tut mir leid.",
  ])("nothing to find fault with: %j", (text) => {
    expect(check(text)).toEqual({ ok: true, score: 1, issues: [] });
  });

  const goods = ["milk", "bread", "eggs", "butter", "cheese", "apples", "rice", "coffee", "tea", "flour"];

  test("the lines of a list are alike, and no loop where each tells of something new", () => {
    const line = (name: string, place: number) => `- ${name}: ${place + 1}.49 EUR a piece, in stock again`;
    expect(check(`A price list in a shop.\n${goods.map(line).join("\n")}`).issues).toEqual([]);
    const told = goods.flatMap((name, place) => [line(name, place), line(goods[(place * 7) % 10] as string, place)]);
    expect(kindsOf(check(`A price list in a shop.\n${told.join("\n")}`))).toEqual(["loop"]);
    expect(kindsOf(check(`A price list in a shop.\n\n\n${told.join(" ")}`))).toEqual(["loop"]);
  });

  test("the blanks of a form are no words that nobody knows", () => {
    expect(check("A form:\nName: ________\nStreet: ________\nTown: ________").issues).toEqual([]);
  });

  test.each([
    "A dog. The picture of the cat never arrived.",
    "Never arrived.",
    "Ein Hund. Das andere Bild ist nicht angekommen.",
    "一只狗。另一张图片无法打开。",
    "My answer: I'm sorry.",
    "There are two dogs on it:\nI'm sorry, I see no more.",
  ])("told of a picture, or in the model's own name: %j", (text) => {
    expect(kindsOf(check(text))).toEqual(["refusal"]);
  });

  test("an answer in quotation marks from end to end is no quotation", () => {
    expect(kindsOf(check("\"I'm sorry, but I can't see the image.\""))).toEqual(["refusal"]);
  });

  test("echo: of the prompt that the adapter tells, unless another one is given", () => {
    const prompt = "Name the things on the photograph, with their colours, from left to right.";
    const text = "Things on the photograph, with their colours, from left to right: a cup.";
    expect(kindsOf(check(text, {}, prompt))).toEqual(["echo"]);
    expect(kindsOf(check(text, { prompt }))).toEqual(["echo"]);
    expect(check(text, { prompt: "Say in one sentence what can be seen." }, prompt).ok).toBe(true);
    expect(check(text).ok).toBe(true);
    const audit = descriptionQuality();
    const kinds = [prompt, "Say in one sentence what can be seen.", prompt].map((asked) =>
      kindsOf(audit.check(text, { upload, kind: "image", prompt: asked })),
    );
    expect(kinds).toEqual([["echo"], [], ["echo"]]);
  });

  test("language: by the scripts of the languages that are given", () => {
    const thai = "แมวนอนอยู่บนเก้าอี้สีแดง";
    expect(check(thai).ok).toBe(true);
    expect(check(thai, { languages: ["th"] }).ok).toBe(true);
    expect(kindsOf(check(thai, { languages: ["de", "pt-BR"] }))).toEqual(["language"]);
    expect(kindsOf(check("A cat sleeps on a chair.", { languages: ["th"] }))).toEqual(["language"]);
    expect(check("窓辺で眠る猫とカメラ。", { languages: ["ja"] }).ok).toBe(true);
    expect(kindsOf(check("窓辺で眠る猫とカメラ。", { languages: ["zh"] }))).toEqual(["language"]);
    expect(check("Мачка спава на столици.", { languages: ["sr"] }).ok).toBe(true);
    expect(check("Mačka spava na stolici.", { languages: ["sr-RS"] }).ok).toBe(true);
    expect(check("Стол устида мушук ухлаяпти.", { languages: ["uz"] }).ok).toBe(true);
    expect(kindsOf(check("Mačka spava na stolici.", { languages: ["sr-Cyrl"] }))).toEqual(["language"]);
    expect(kindsOf(check("Мачка спава на столици.", { languages: ["sr-Latn"] }))).toEqual(["language"]);
    expect(check('Ein Schild mit der Aufschrift "ขออภัย วันนี้ร้านปิด".', { languages: ["de"] }).ok).toBe(true);
    expect(check(thai, { languages: [] }).ok).toBe(true);
  });
});

describe("the score", () => {
  test("is worse where more of the text is of no use, so that the best answer is kept", () => {
    const good = "A dog runs along the beach and carries a stick.";
    const endsInALoop = `A dog runs along the beach and carries a stick.${" A stick.".repeat(8)}`;
    const loop = "A stick. ".repeat(40);
    const scores = [good, "A dog runs along the", endsInALoop, loop, ""].map((text) => check(text).score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(scores).size).toBe(scores.length);
  });

  test("`minScore` decides, and 0 lets everything pass", () => {
    expect(check("", { minScore: 0 })).toMatchObject({ ok: true, score: 0 });
    const { score } = check("A dog runs along the");
    expect(check("A dog runs along the", { minScore: score }).ok).toBe(true);
    expect(check("A dog runs along the", { minScore: score + 0.01 }).ok).toBe(false);
  });
});

describe("options", () => {
  test("asks twice, unless told otherwise", () => {
    expect(descriptionQuality().maxAsks).toBe(2);
    expect(descriptionQuality({ maxAsks: 5 }).maxAsks).toBe(5);
  });

  test.each([
    [{ maxAsks: 0 }, "descriptionQuality.maxAsks: expected an integer of at least 1, got 0"],
    [{ minScore: 1.5 }, "descriptionQuality.minScore: expected a number from 0 to 1, got 1.5"],
    [{ minScore: Number.NaN }, "descriptionQuality.minScore: expected a number from 0 to 1, got NaN"],
    [{ prompt: 7 }, "descriptionQuality.prompt: expected a text, got 7"],
    [{ languages: "de" }, 'descriptionQuality.languages: expected an array of BCP 47 tags, got "de"'],
    [
      { languages: ["english!"] },
      'descriptionQuality.languages: expected tags of BCP 47, such as "de" or "pt-BR", got "english!"',
    ],
    [{ minscore: 0.4 }, 'descriptionQuality.minscore: unknown; did you mean "minScore"?'],
  ])("refuses %j", (options, message) => {
    expect(() => descriptionQuality(options as DescriptionQualityOptions)).toThrow(message);
    expect(() => descriptionQuality(options as DescriptionQualityOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_CONFIGURATION" }),
    );
  });
});

/** What makes checks slow or wrong: the beginning of something that never ends, all of one kind, halves of characters. */
const HOSTILE = [
  ...[
    "a",
    " x",
    '"',
    "“",
    "'a ",
    "`",
    "(",
    "[",
    "{",
    "[1,",
    "1,",
    "<",
    "<|",
    "|",
    "-",
    ". ",
    "\n",
    "\ud800",
    "\udc00",
    "😀",
  ],
  ...[
    "👩‍👩‍👧",
    "e\u0301\u0316",
    "ก็",
    "图",
    "ع",
    "#",
    "_",
    "*",
    "\0",
    "lorem ipsum dolor ",
    '{"a":"b",',
    "```",
    "Ab9",
    "http://a.b/",
  ],
  ...[
    "user: ",
    "Aa",
    "[insert ",
    "{{ a",
    "#a ",
    "\n### ",
    "a. A",
    "end of ",
    "9",
    "@a",
    "a@b",
    ")]}*_~`|",
    "\\",
    '"label',
    "a: ",
  ],
  ...[" \t", "i can't ", "okay, let", "İ", "ﷺ", "describe the "],
];

describe("hostile texts", () => {
  const audit = descriptionQuality({ languages: ["en"] });
  const context = {
    upload,
    kind: "image",
    prompt: "Describe the photo in [two] sentences, please. ".repeat(50),
  } as const;

  test.each(HOSTILE)("a million times %j", (piece) => {
    const { score, issues } = audit.check(piece.repeat(Math.ceil(1_000_000 / piece.length)), context);
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
    // Stored as JSON in a database: short, and without halves of characters.
    expect(issues.join("\n").length).toBeLessThan(2_000);
    expect(/\p{Surrogate}/u.test(issues.join("\n"))).toBe(false);
  });

  test("any mixture of them is judged, and the same again", () => {
    let seed = 20;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let round = 0; round < 2_000; round++) {
      const pieces = Array.from({ length: random(40) }, () =>
        random(2) ? String.fromCharCode(random(0x10000)) : (HOSTILE[random(HOSTILE.length)] as string),
      );
      const text = pieces.join("");
      const verdict = audit.check(text, context);
      expect(Number.isFinite(verdict.score)).toBe(true);
      expect(audit.check(text, context)).toEqual(verdict);
    }
  });

  test("twice the length takes about twice the time", () => {
    // The processor time of this process, and medians of rounds in turn: what else the machine does hardly counts.
    const timeOf = (text: string) => {
      const before = process.cpuUsage();
      audit.check(text, context);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    const isSlowFrom = (length: number) => (piece: string) => {
      const [short, long] = [length, 2 * length].map((each) => piece.repeat(Math.ceil(each / piece.length)));
      const ratios = Array.from({ length: 7 }, () => timeOf(long as string) / Math.max(200, timeOf(short as string)));
      return (ratios.sort((a, b) => a - b)[3] as number) > 3;
    };
    // What is slow by itself is so at any length. A step, as where a text no longer fits a cache, is at one of them.
    const slow = HOSTILE.filter(isSlowFrom(60_000)).filter(isSlowFrom(250_000));
    expect(slow).toEqual([]);
  }, 180_000);
});
