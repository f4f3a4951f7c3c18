import { copyFileSync, existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BackendProcesses, end } from "../support/backend-processes.js";
import { ROOT } from "../support/build.js";
import { photo } from "../support/images.js";

const CHROMIUM = "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Long enough that a page can be reloaded while a model describes. In milliseconds. */
const DESCRIBE_MS = 4000;
const HOSTILE = "<img src=x onerror=\"document.title='owned'\">.png";

const { TEST_POSTGRES_URL, TEST_REDIS_URL } = process.env;
const isMissing = TEST_POSTGRES_URL === undefined || TEST_REDIS_URL === undefined || !existsSync(CHROMIUM);

describe.skipIf(isMissing)(`the page (TEST_POSTGRES_URL, TEST_REDIS_URL, ${CHROMIUM})`, () => {
  const backend = new BackendProcesses();
  const pictures = mkdtempSync(join(tmpdir(), "backend-page-"));
  let browser: Browser;
  let mine: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    await backend.prepare();
    [browser] = await Promise.all([
      chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS }),
      backend.startApi(),
      backend.startWorker(DESCRIBE_MS),
      backend.startWorker(DESCRIBE_MS),
    ]);
    mine = await browser.newContext({ viewport: { width: 900, height: 1100 } });
    page = await mine.newPage();
  });

  afterAll(async () => {
    await browser?.close();
    await backend.stop();
  });

  const item = (name: string) => page.getByRole("listitem").filter({ hasText: name });
  const stageOf = (name: string) => item(name).locator(".stage");
  const shot = (name: string, of = page) => of.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });

  it("shows each upload live, from the file that was chosen to what became of it", { timeout: 120_000 }, async () => {
    await page.goto(backend.url);
    await waitFor(page.getByText("No uploads yet"));
    await page
      .getByLabel("Add photos")
      .setInputFiles([
        file("astronaut.jpg"),
        file("cat.png", HOSTILE),
        { name: "broken.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no photo at all") },
        file("coffee.webp"),
        file("rocket.jpg"),
        file("hubble.jpg"),
      ]);

    // The bar moves, and the text grows.
    const bar = page.getByRole("progressbar", { name: "Progress of astronaut.jpg" });
    await waitFor(item("astronaut.jpg").getByText("Describing"));
    const text = item("astronaut.jpg").locator(".description");
    const texts = await changes(() => text.textContent().then(String), 3);
    const steps = await changes(() => bar.getAttribute("value").then(Number), 3);
    expect(steps).toEqual(steps.toSorted((one, other) => one - other));
    await waitFor(item("broken.jpg").locator(".reason").filter({ hasText: /\w/ }));
    expect(await stageOf("broken.jpg").textContent()).toBe("Failed");
    await waitFor(item("astronaut.jpg").locator("img:not([hidden])"));
    await shot("at-work");

    // A reload, and then the API is gone for a while.
    await page.reload();
    await waitFor(item("rocket.jpg"));
    expect(await page.getByRole("listitem").count()).toBe(6);
    expect(await page.getByText(/of 6 done, 1 failed/).count()).toBe(1);
    await backend.killApi();
    await backend.startApi();
    for (const name of ["astronaut.jpg", HOSTILE, "coffee.webp", "rocket.jpg", "hubble.jpg"])
      await waitFor(item(name).locator(".stage", { hasText: "Done" }));
    await waitFor(page.getByText("5 of 6 done, 1 failed"));
    const description = await text.textContent();
    for (const partial of texts) expect(description?.startsWith(partial) && description !== partial).toBe(true);
    expect(await page.title()).toBe("Uploads"); // the name was text, and ran nothing
    expect(await item(HOSTILE).locator(".name").textContent()).toBe(HOSTILE);
    for (const name of ["astronaut.jpg", "hubble.jpg"]) await waitFor(item(name).locator("img:not([hidden])"));
    await page.emulateMedia({ colorScheme: "dark" });
    await shot("dark");
    await page.emulateMedia({ colorScheme: "light" });
    await shot("done");
  });

  it("tries a failed one again", { timeout: 60_000 }, async () => {
    const reason = item("broken.jpg").locator(".reason");
    const why = await reason.textContent();
    await page.getByRole("button", { name: "Try again: broken.jpg" }).click();
    await waitFor(item("broken.jpg").getByRole("button", { name: "Try again" })); // it has failed again
    expect(await reason.textContent()).toBe(why);

    // The file is mended behind its back.
    const { rows } = await backend.query(`select storage_key from upload_processor_uploads where status = 'failed'`);
    copyFileSync(`${ROOT}examples/photos/rocket-exif-rotated.jpg`, join(backend.folder, String(rows[0]?.storage_key)));
    await page.getByRole("button", { name: "Try all failed again" }).click();
    await waitFor(item("broken.jpg").locator(".stage", { hasText: "Done" }));
    await waitFor(page.getByText("6 of 6 done"));
    expect(await page.getByRole("button", { name: /again/ }).count()).toBe(0);
    await waitFor(item("broken.jpg").locator("img:not([hidden])"));
  });

  it("shows another user nothing of it, and refuses them its stream", async () => {
    const { batch, uploads } = (await (await mine.request.get(`${backend.url}/uploads`)).json()) as {
      batch: string;
      uploads: { id: string; thumbnail: string }[];
    };
    const others = await browser.newContext();
    const theirs = await others.newPage();
    await theirs.goto(backend.url);
    await waitFor(theirs.getByText("No uploads yet"));
    expect(await theirs.getByRole("listitem").count()).toBe(0);
    const statusOf = async (path: string) =>
      theirs.evaluate(
        (url) => fetch(url).then(async (response) => `${response.status} ${await response.text()}`),
        path,
      );
    expect(await statusOf(`/progress?batch=${batch}`)).toBe("403 ");
    expect(await statusOf("/progress?batch=inbox-nobody")).toBe("403 ");
    for (const { id, thumbnail } of uploads)
      for (const path of [`/uploads/${id}`, thumbnail]) expect(await statusOf(path)).toMatch(/^404 .*no such upload/);
    await others.close();
  });

  it("deletes; and a worker ends in good order", async () => {
    await page.getByRole("button", { name: "Delete: hubble.jpg" }).click();
    await waitFor(page.getByText("5 of 5 done"));
    expect(await item("hubble.jpg").count()).toBe(0);
    const ended = await backend.startWorker(DESCRIBE_MS);
    expect(await end(ended, "SIGTERM")).toBe(0);
  });
});

function file(name: string, as = name) {
  return { name: as, mimeType: `image/${name.split(".").at(-1)}`, buffer: photo(name) };
}

/** Longer than a machine with much else to do takes. */
function waitFor(locator: Locator): Promise<void> {
  return locator.first().waitFor({ timeout: 60_000 });
}

/** Looks at something until it has changed so often. @returns what it was, in order */
async function changes<T>(look: () => Promise<T>, times: number): Promise<T[]> {
  const seen = [await look()];
  while (seen.length <= times) {
    const value = await look();
    if (value !== seen.at(-1)) seen.push(value);
  }
  return seen;
}
