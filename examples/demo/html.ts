/** Text that is markup already, made by `html`. */
export class Markup {
  constructor(readonly source: string) {}
}

type Value = string | number | false | null | undefined | Markup | readonly Markup[];

/**
 * Markup from a template. Whatever is put into it is escaped, unless it is markup: so no file name and no answer of a model
 * can break out of its place, which may also be an attribute in double quotes.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(strings.reduce((source, string, index) => source + sourceOf(values[index - 1]) + string));
}

function sourceOf(value: Value): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Markup) return value.source;
  if (typeof value === "object") return value.map(({ source }) => source).join("");
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A path as a relative link, with whatever its names have in them. */
export function link(path: string): string {
  return path.split(/[\\/]/).map(encodeURIComponent).join("/");
}
