/**
 * Words that want another word behind them, in small letters, by language. What ends with one, and without a full stop, was cut
 * off. Left out is what ends a caption in that language ("looking at her") or is a noun in another one ("van", "son", "or").
 */
export const UNFINISHED: ReadonlySet<string> = /* @__PURE__ */ wordsOf([
  "a the of and with but which whose his their its from into onto because wearing including featuring",
  "der die das dem des ein eine einen einem einer und oder mit von im am zum zur vom sowie deren dessen durch für",
  "le la les un une des du de et ou avec dans sur sous par pour dont aux au leur sa ses",
  "el los las una unos unas y o con del al por para cuyo cuya sus su en entre",
  "os uma e com dos das nos nas por seu sua em",
  "il lo gli uno della dei delle nel nella sul sulla per tra fra",
  "het een met voor bij",
  "oraz ze we na od przez dla nad który która które",
  "и в во на с со к ко по из у за под над для или а но который которая которое которые",
  "і й та з зі до від або який яка яке які",
  "ve bir veya",
  "và một của với trong những các là",
  "και το τα ο η οι του της των τον την με σε στο στη στην στον ένα μια ένας που",
  "ja sekä tai joka jossa jonka",
  "och ett med av på som eller det",
  "dan yang dengan di ke dari sebuah seorang",
  "في من على إلى مع عن و أو التي الذي ذات",
  "של עם את על או אל בין",
  "और का की के एक तथा या",
]);

/** The same for scripts that put no spaces between words: a text does not end with one of these. */
export const UNFINISHED_TAILS: readonly string[] = [
  ...["の", "を", "は", "が", "と", "その", "という"],
  ...[
    "的",
    "与",
    "與",
    "以及",
    "一个",
    "一位",
    "一只",
    "一条",
    "一座",
    "一名",
    "而",
    "是",
    "站在",
    "坐在",
    "放在",
    "位于",
    "身穿",
  ],
  ...["และ", "ซึ่ง", "หรือ", "กับ"],
];

/** Words with a full stop that ends no sentence, in small letters. */
export const ABBREVIATIONS: ReadonlySet<string> = /* @__PURE__ */ wordsOf([
  "mr mrs ms dr st mt ft jr sr no nr vs co inc ltd ave blvd rd prof rev hon gen col sgt lt capt fig vol pp ed est approx dept univ",
  "jan feb mar apr jun jul aug sep sept oct nov dec ca bzw str hl tel abb inkl evtl ggf bspw frl hr fr mme mlle av bd sra sta avda pl ul",
  "им ул пр обл св вул ім гл проф sv tj np tzn godz tzv tř nám szt kb",
]);

/** The calls of it are marked as pure: who does not use the audit does not bundle its tables. */
function wordsOf(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(" ")));
}
