import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BackendProcesses } from "../support/backend-processes.js";
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

/** Long enough for a text to be seen growing. In milliseconds. */
const DESCRIBE_MS = 5000;
const HOSTILE = "<img src=x onerror=\"document.title='owned'\">.png";

/** What the page shows comes and goes: so it is noted in the page itself, by `seen`. */
const OBSERVE = `
  globalThis.seen = { texts: [], stages: [], steps: [] };
  const note = ({ target, addedNodes }) => {
    const texts = [...addedNodes].map(({ data }) => data);
    if (target.matches(".description")) seen.texts.push(...texts);
    if (target.matches(".stage")) seen.stages.push(...texts);
    if (target.matches("progress")) seen.steps.push(target.getAttribute("value"));
  };
  const observer = new MutationObserver((records) => records.forEach(note));
  observer.observe(document.querySelector("ol"), { subtree: true, childList: true, attributeFilter: ["value"] });
`;

const { TEST_POSTGRES_URL, TEST_REDIS_URL } = process.env;
const isMissing = TEST_POSTGRES_URL === undefined || TEST_REDIS_URL === undefined || !existsSync(CHROMIUM);

describe.skipIf(isMissing)(`the page (TEST_POSTGRES_URL, TEST_REDIS_URL, ${CHROMIUM})`, () => {
  let backend: BackendProcesses;
  let browser: Browser;
  let mine: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    backend = await BackendProcesses.prepare();
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
  const isDone = (name: string) => waitFor(item(name).locator(".stage", { hasText: "Done" }));
  const hasThumbnail = (name: string) => waitFor(item(name).locator("img:not([hidden])"));
  /** To be looked at by people, where they name a folder. */
  const shot = (name: string) =>
    page.screenshot({ path: join(process.env.SCREENSHOTS ?? backend.folder, `${name}.png`), fullPage: true });

  it("shows each upload live, from the file that was chosen to what became of it", async () => {
    await page.goto(backend.url);
    await waitFor(page.getByText("No uploads yet"));
    await page.evaluate(OBSERVE);
    const input = page.getByLabel("Add photos");
    const broken = { name: "broken.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no photo at all") };
    await input.setInputFiles([file("cat.png", HOSTILE), broken, file("astronaut.jpg")]);

    await waitFor(item("astronaut.jpg").getByText("Describing"));
    await hasThumbnail("astronaut.jpg");
    await waitFor(item("astronaut.jpg").locator(".description", { hasText: /\w/ }));
    await shot("at-work");
    await isDone("astronaut.jpg");
    const description = String(await item("astronaut.jpg").locator(".description").textContent());
    const { texts, stages, steps } = (await page.evaluate("seen")) as Record<string, string[]>;
    expect(texts?.some((partial) => partial !== "" && partial !== description && description.startsWith(partial))).toBe(
      true,
    );
    expect(stages).toEqual(expect.arrayContaining(["Waiting", "Describing", "Failed", "Done"]));
    expect(new Set(steps).size).toBeGreaterThan(2);

    await waitFor(item("broken.jpg").getByText("neither an image nor any other type that is known"));
    expect(await item("broken.jpg").locator(".stage").textContent()).toBe("Failed");
    await isDone(HOSTILE);
    expect(await item(HOSTILE).locator(".name").textContent()).toBe(HOSTILE);
    expect(await page.title()).toBe("Uploads"); // the name was text, and ran nothing
  });

  it("survives a reload, and a restart of the API while the work goes on", async () => {
    await backend.queue.pause(); // so that it happens in the middle, however fast the machine is
    await page.getByLabel("Add photos").setInputFiles([file("coffee.webp"), file("rocket.jpg"), file("hubble.jpg")]);
    await waitFor(page.getByText("2 of 6 done, 1 failed"));
    await page.reload();
    await waitFor(page.getByText("2 of 6 done, 1 failed"));
    expect(await page.getByRole("listitem").locator(".name").allTextContents()).toEqual([
      ...["hubble.jpg", "rocket.jpg", "coffee.webp"],
      ...["astronaut.jpg", "broken.jpg", HOSTILE],
    ]);
    expect(await item("hubble.jpg").locator(".stage").textContent()).toBe("Waiting");

    await backend.killApi();
    await waitFor(page.getByText("Connection lost: trying again"));
    await backend.queue.resume();
    while ((await backend.uploads()).filter(({ status }) => status === "completed").length < 4) await sleep(20);
    expect(await item("hubble.jpg").locator(".stage").textContent()).toBe("Waiting");
    await backend.startApi();
    for (const name of ["coffee.webp", "rocket.jpg", "hubble.jpg"]) {
      await isDone(name);
      await hasThumbnail(name);
    }
    await waitFor(page.getByText("5 of 6 done, 1 failed"));
    expect(await page.getByText("Connection lost").count()).toBe(0);
    await shot("light");
    await page.emulateMedia({ colorScheme: "dark" });
    await shot("dark");
  });

  it("tries a failed one again", async () => {
    const reason = item("broken.jpg").locator(".reason");
    const why = await reason.textContent();
    await page.getByRole("button", { name: "Try again: broken.jpg" }).click();
    await waitFor(item("broken.jpg").getByRole("button", { name: "Try again" })); // it has failed again
    expect(await reason.textContent()).toBe(why);

    // The file is mended behind its back.
    const failed = (await backend.uploads()).find(({ status }) => status === "failed");
    copyFileSync(`${ROOT}examples/photos/rocket-exif-rotated.jpg`, join(backend.folder, failed?.storage_key ?? ""));
    await page.getByRole("button", { name: "Try all failed again" }).click();
    await isDone("broken.jpg");
    await waitFor(page.getByText("6 of 6 done"));
    expect(await page.getByRole("button", { name: /again/ }).count()).toBe(0);
    await hasThumbnail("broken.jpg");
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

  it("deletes", async () => {
    await page.getByRole("button", { name: "Delete: hubble.jpg" }).click();
    await waitFor(page.getByText("5 of 5 done"));
    expect(await item("hubble.jpg").count()).toBe(0);
    expect(await backend.uploads()).toHaveLength(5);
  });
});

function file(name: string, as = name) {
  return { name: as, mimeType: `image/${name.split(".").at(-1)}`, buffer: photo(name) };
}

/** Longer than a machine with much else to do takes. */
function waitFor(locator: Locator): Promise<void> {
  return locator.first().waitFor({ timeout: 60_000 });
}
