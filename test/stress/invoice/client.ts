import type { AIAdapter, Usage } from "../../../src/index.js";
import type { Answer, Question } from "./plan.js";

let calls = 0;

/** The adapter of the model service, over HTTP. What a call costs is told by the answer, also by one that is an error. */
export function serviceAI(service: string, onCall: (question: Question) => void = () => {}): AIAdapter {
  async function ask(stage: Question["stage"], id: string, signal: AbortSignal): Promise<Answer> {
    const question: Question = { call: `${process.pid}-${++calls}`, stage, id, pid: process.pid };
    onCall(question);
    const response = await fetch(service, { method: "POST", body: JSON.stringify(question), signal });
    const answer = (await response.json()) as Answer;
    const usage = { ...answer.usage, model: question.call };
    if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status, usage });
    return { ...answer, usage };
  }
  return {
    describe: async ({ upload }, { signal }) => {
      const { text = "", usage } = await ask("describe", upload.id, signal);
      return { text, usage };
    },
    embed: async ({ media }, { signal }) => {
      const { vector = [], usage } = await ask("embed", media.upload.id, signal);
      return { vector, usage };
    },
    price: ({ cost }: Usage) => cost ?? null,
  };
}
