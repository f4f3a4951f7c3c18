import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import type { PostgresRepository, PostgresUpload } from "upload-processor/postgres";
import { uploadsOf } from "./catalogue.js";
import { html, link, Markup } from "./html.js";
import { type StageTimes, TIMED_STAGES } from "./stage-times.js";
import { duration, photographs } from "./text.js";

const NEIGHBOURS = 4;
/** Every photograph is compared with every other: beyond this, that takes longer than somebody who waits wants to. */
const MOST_COMPARED = 1000;

export interface ContactSheet {
  readonly folder: string;
  readonly batchId: string;
  readonly repository: PostgresRepository;
  readonly times: ReadonlyMap<string, StageTimes>;
}

interface Neighbour {
  readonly upload: PostgresUpload;
  readonly similarity: number;
}

/** Writes one page to look at, with no script and nothing from elsewhere. */
export async function writeContactSheet(
  path: string,
  { folder, batchId, repository, times }: ContactSheet,
): Promise<void> {
  const uploads: PostgresUpload[] = [];
  for await (const upload of uploadsOf(batchId, repository)) uploads.push(upload);
  const completed = uploads.filter(({ status }) => status === "completed");
  const failed = uploads.filter(({ status }) => status === "failed");
  const originals = relative(dirname(path), folder);
  const credits = existsSync(join(folder, "CREDITS.md")) && link(join(originals, "CREDITS.md"));

  const compared = completed.length <= MOST_COMPARED;

  const cards: Markup[] = [];
  for (const upload of completed) {
    const neighbours = compared ? await neighboursOf(upload, repository) : [];
    cards.push(card(upload, originals, times.get(upload.id) ?? {}, neighbours));
  }
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${basename(folder)}: ${photographs(uploads.length)}</title>
${await styles()}
<header>
  <h1>${basename(folder)}</h1>
  <p>${photographs(completed.length)}${failed.length > 0 && html`, <a href="#failed">${failed.length} failed</a>`}</p>
</header>
<main>${cards}
</main>
${failed.length > 0 && failures(failed, originals)}
<footer>
  <p>${new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" }).format()}, by upload-processor.
  ${compared && "The small pictures are the nearest neighbours by embedding, with their cosine similarity."}
  ${credits && html`<a href="${credits}">Credits of the photographs</a>.`}</p>
</footer>
`;
  await writeFile(`${path}.tmp`, page.source);
  await rename(`${path}.tmp`, path);
}

async function neighboursOf(upload: PostgresUpload, repository: PostgresRepository): Promise<Neighbour[]> {
  if (!upload.embedding || !upload.batchId) return [];
  const nearest = await repository.findSimilar(upload.embedding, { limit: NEIGHBOURS + 1, batchId: upload.batchId });
  return nearest.filter((neighbour) => neighbour.upload.id !== upload.id).slice(0, NEIGHBOURS);
}

function card(upload: PostgresUpload, originals: string, times: StageTimes, neighbours: readonly Neighbour[]): Markup {
  const name = upload.fileName ?? upload.id;
  return html`
  <article id="${upload.id}">
    <a class="photograph" href="${link(join(originals, upload.storageKey))}">${thumbnail(upload, name)}</a>
    <h2>${name}</h2>
    <p>${upload.description}</p>
    ${stageTimes(times)}
    ${neighbours.length > 0 && html`<ol class="neighbours">${neighbours.map(neighbour)}</ol>`}
  </article>`;
}

function thumbnail({ thumbnailKey }: PostgresUpload, alt: string): Markup {
  if (!thumbnailKey) return html`<span class="missing">no thumbnail</span>`;
  return html`<img src="${link(thumbnailKey)}" alt="${alt}" loading="lazy">`;
}

function stageTimes(times: StageTimes): Markup {
  return html`<dl class="times">${TIMED_STAGES.map((stage) => {
    const took = times[stage];
    return html`<div class="${stage}"><dt>${stage}</dt><dd>${took === undefined ? "–" : duration(took)}</dd></div>`;
  })}</dl>`;
}

function neighbour({ upload, similarity }: Neighbour): Markup {
  const name = upload.fileName ?? upload.id;
  return html`<li><a href="#${upload.id}" title="${name}">${thumbnail(upload, name)}<span>${similarity.toFixed(2)}</span></a></li>`;
}

function failures(failed: readonly PostgresUpload[], originals: string): Markup {
  return html`<section id="failed">
  <h2>Failed</h2>
  <dl>${failed.map(
    ({ id, fileName, storageKey, errorCode, errorStage, errorMessage }) => html`
    <div id="${id}"><dt><a href="${link(join(originals, storageKey))}">${fileName}</a></dt>
    <dd><code>${errorCode}</code> ${errorMessage} <small>(${errorStage})</small></dd></div>`,
  )}
  </dl>
</section>`;
}

async function styles(): Promise<Markup> {
  const css = await readFile(new URL("contact-sheet.css", import.meta.url), "utf8");
  return new Markup(`<style>\n${css}</style>`);
}
