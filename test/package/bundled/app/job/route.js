import { processPhoto } from "../../job.js";

/** Else it would be called once, by the build. */
export const dynamic = "force-dynamic";

export async function GET() {
  return Response.json(await processPhoto(process.env.PHOTO));
}
