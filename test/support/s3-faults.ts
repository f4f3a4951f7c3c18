import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpServer, textOf } from "./http-server.js";

/** An answer of S3 to every request. */
export interface S3Fault {
  readonly status: number;
  /** The name of the error; without one the answer has no body. */
  readonly code?: string;
  readonly message?: string;
  /** More elements of the error's XML. */
  readonly elements?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of XML, as a proxy sends it. */
  readonly html?: string;
}

export type S3Answer = S3Fault | ((request: IncomingMessage, response: ServerResponse) => void);

/** A server that speaks the protocol of S3, and answers as it is told. */
export class FaultyS3 extends HttpServer {
  readonly requests: string[] = [];
  answer: S3Answer = { status: 503, code: "SlowDown" };

  respond(answer: S3Answer, request: IncomingMessage, response: ServerResponse): void {
    if (typeof answer === "function") answer(request, response);
    else sendFault(response, answer, request.url ?? "");
  }

  protected async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    await textOf(request); // S3 answers when it has read the request
    this.respond(this.answer, request, response);
  }
}

function sendFault(response: ServerResponse, fault: S3Fault, resource: string): void {
  const { status, code, message = code, elements = {}, headers = {}, html } = fault;
  const more = Object.entries(elements).map(([name, text]) => `<${name}>${text}</${name}>`);
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message>${more.join("")}<Resource>${resource}</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>`;
  const body = html ?? (code === undefined ? "" : xml);
  response.writeHead(status, {
    "content-type": html === undefined ? "application/xml" : "text/html",
    "x-amz-request-id": "4442587FB7D0A2F9",
    ...headers,
  });
  response.end(body);
}

/** The answer to a request for an object. */
export function sendObject(response: ServerResponse, content: Uint8Array): void {
  response.writeHead(200, { "content-length": content.length, "content-type": "image/jpeg", etag: '"1"' });
  response.end(content);
}
