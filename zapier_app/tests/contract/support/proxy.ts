import { request } from "node:http";

import { facts } from "./facts.js";
import { LocalServer, type Answer, type Received } from "./server.js";

export interface Passed {
  received: Received;
  answer: Answer;
}

/** Stands before the service, lets everything pass, and remembers the answers too. */
export class Proxy {
  readonly passed: Passed[] = [];
  private constructor(
    private readonly target: string,
    private readonly before: (received: Received) => Promise<void>,
  ) {}

  url = "";

  /** `before` is waited for before a request goes on to the service. */
  static async open(
    before: (received: Received) => Promise<void> = async () => {},
    target = facts.url,
  ): Promise<Proxy> {
    const proxy = new Proxy(target, before);
    proxy.url = (await LocalServer.open((received) => proxy.pass(received))).url;
    return proxy;
  }

  private async pass(received: Received): Promise<Answer> {
    await this.before(received);
    const answer = await forward(this.target, received);
    this.passed.push({ received, answer });
    return answer;
  }
}

/** Says whether a request asks the service to call back. */
export function asksForCallback(received: Received): boolean {
  return received.method === "POST" && received.path.endsWith("/callbacks");
}

function forward(target: string, received: Received): Promise<Answer> {
  const { method, headers, path, body } = received;
  return new Promise((resolve, reject) => {
    const url = new URL(path, target);
    const outgoing = request(url, { method, headers: { ...headers, host: url.host } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const { "transfer-encoding": _, ...kept } = answer.headers as Record<string, string>;
        resolve({ status: answer.statusCode, headers: kept, body: Buffer.concat(chunks) });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
