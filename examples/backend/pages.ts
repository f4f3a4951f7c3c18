import type { UploadSelection } from "upload-processor";
import type { PostgresRepository, PostgresUpload } from "upload-processor/postgres";

/** All uploads of a selection, a page at a time: behind the last one of a page, whatever has become of it since. */
export async function* uploadsOf(
  repository: PostgresRepository,
  selection: UploadSelection,
): AsyncGenerator<readonly PostgresUpload[]> {
  let after: PostgresUpload | undefined;
  do {
    const page = await repository.listUploads(selection, { limit: 500, ...(after && { after }) });
    if (page.length > 0) yield page;
    after = page.at(-1);
  } while (after !== undefined);
}
