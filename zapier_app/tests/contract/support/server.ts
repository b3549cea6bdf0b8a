import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

import { until } from "./until.js";

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

type Talk = (received: Received) => Answer | Promise<Answer>;

/** Somebody else's server on loopback, which remembers what it was sent. */
export class LocalServer {
  readonly received: Received[] = [];
  private read = 0;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** Listens until the running test is over. */
  static async open(talk: Talk = () => ({})): Promise<LocalServer> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const received = {
          method: request.method ?? "",
          path: request.url ?? "",
          headers: request.headers,
          body: Buffer.concat(chunks),
        };
        opened.received.push(received);
        Promise.resolve(received)
          .then(talk)
          .then(
            ({ status = 200, headers = {}, body = "" }) => {
              response.writeHead(status, headers).end(body);
            },
            (error: unknown) => response.writeHead(599).end(String(error)),
          );
      });
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const { port } = server.address() as AddressInfo;
    const opened = new LocalServer(server, `http://127.0.0.1:${port}`);
    onTestFinished(() => opened.close());
    return opened;
  }

  /** Waits for the next request that nobody has waited for yet. */
  async next(what: string, seconds?: number): Promise<Received> {
    const received = await until(what, () => this.received[this.read], seconds);
    this.read += 1;
    return received;
  }

  /** All that it was sent, as text: to look for what it must not see. */
  seen(): string {
    return this.received
      .map(({ path, headers, body }) => `${path} ${JSON.stringify(headers)} ${body.toString()}`)
      .join("\n");
  }

  private close(): Promise<void> {
    const closed = new Promise<void>((done) => this.server.close(() => done()));
    this.server.closeAllConnections();
    return closed;
  }
}

/** Serves one picture at an address, as Zapier serves a file that an earlier step brought. */
export function pictureServer(picture: Buffer): Promise<LocalServer> {
  return LocalServer.open(() => ({ headers: { "content-type": "image/png" }, body: picture }));
}
