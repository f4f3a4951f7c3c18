/** A model service in a process of its own, that answers after so many milliseconds; prints its address. */
import { answered, OpenAIServer } from "../support/openai-server.js";

const server = await OpenAIServer.start();
const answer = answered({ text: "A cat asleep on a keyboard.", afterMs: Number(process.argv[2]) });
server.chat = (response, request) => {
  server.requests.length = 0; // their pictures would fill the memory
  return answer(response, request);
};
process.on("disconnect", () => process.exit());
process.send?.(server.baseURL);
