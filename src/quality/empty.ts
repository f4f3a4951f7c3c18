import type { AuditedText } from "./audited-text.js";
import { COMMON, DIGIT } from "./characters.js";
import { type Finding, show } from "./finding.js";

/** What stands where a description should, in small letters. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  ...[
    "n/a",
    "na",
    "none",
    "null",
    "undefined",
    "nan",
    "nil",
    "unknown",
    "untitled",
    "test",
    "todo",
    "tbd",
    "lorem ipsum",
  ],
  ...[
    "image",
    "photo",
    "picture",
    "img",
    "caption",
    "description",
    "no description",
    "no caption",
    "no description available",
  ],
  ...["bild", "foto", "imagen", "imagem", "immagine", "zdjęcie", "изображение", "фото", "зображення", "εικόνα"],
  ...[
    "görsel",
    "resim",
    "hình ảnh",
    "kuva",
    "図",
    "画像",
    "图片",
    "图像",
    "이미지",
    "사진",
    "รูปภาพ",
    "صورة",
    "תמונה",
    "छवि",
    "चित्र",
  ],
]);
const FILE_NAME = /^[\w\-. ()]{1,80}\.(?:jpe?g|png|gif|webp|heic|avif|tiff?|bmp|mp4|mov)$/;
const NOTHING = /^[\w "']{1,30}:\s{0,4}["']?(?:null|none|undefined|n\/a|nan)["']?$/;
const INSERT_HERE = /[[({<]\s?(?:insert|your|add|image|photo)\s[a-z ]{0,30}(?:here|description|caption)\s?[\])}>]/;

/** No words: nothing at all, marks alone, a placeholder, or the name of a file. */
export function checkEmpty({ lower, counts, letterCount, letters }: AuditedText): Finding[] {
  const letterless = letterCount === 0;
  if (letterless) {
    if ((counts[DIGIT] as number) > 0) return [{ kind: "debris", detail: "numbers, and no word", severity: 0.97 }];
    return [{ kind: "empty", detail: "no word", severity: 1 }];
  }
  const alphabetic = [...letters.keys()].every((script) => script !== "Han");
  if (letterCount < 2 && alphabetic && (counts[COMMON] as number) === 0)
    return [{ kind: "empty", detail: `a single letter, ${show(lower)}`, severity: 1 }];
  if (lower.length <= 100) {
    const word = lower.replace(/^[\s"'`*[\](){}<>.:;!?_-]+|[\s"'`*[\](){}<>.:;!?。_-]+$/g, "");
    if (PLACEHOLDERS.has(word) || FILE_NAME.test(word) || NOTHING.test(word) || INSERT_HERE.test(lower))
      return [{ kind: "empty", detail: `a placeholder, ${show(lower)}`, severity: 0.95 }];
  }
  return [];
}
