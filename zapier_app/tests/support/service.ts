// A server on loopback that speaks the service's wire format, and remembers what it was asked.
import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Answer {
  status?: number;
  json?: unknown;
  body?: string | Buffer;
  headers?: Record<string, string>;
}

export type Route = Answer | ((asked: Asked) => Answer);

export class Loopback {
  readonly asked: Asked[] = [];
  private routes = new Map<string, Route>();
  private constructor(private readonly server: Server) {}

  static async start(host = "127.0.0.1"): Promise<Loopback> {
    const server = createServer();
    const loopback = new Loopback(server);
    server.on("request", (request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const url = new URL(request.url ?? "/", "http://loopback");
        const asked: Asked = {
          method: request.method ?? "GET",
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: request.headers,
          body: Buffer.concat(parts),
        };
        loopback.asked.push(asked);
        const answer = loopback.answerTo(asked);
        response.writeHead(answer.status ?? 200, {
          ...(answer.json === undefined ? {} : { "Content-Type": "application/json" }),
          ...answer.headers,
        });
        response.end(answer.json === undefined ? answer.body : JSON.stringify(answer.json));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return loopback;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Answer a request, such as "GET /api/v1/me", from now on. */
  on(request: string, route: Route): this {
    this.routes.set(request, route);
    return this;
  }

  /** Forget all routes and requests. */
  clear(): void {
    this.routes.clear();
    this.asked.length = 0;
  }

  /** The requests for one address, such as "POST /api/v1/webhooks". */
  to(request: string): Asked[] {
    return this.asked.filter((one) => `${one.method} ${one.path}` === request);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answerTo(asked: Asked): Answer {
    const route = this.routes.get(`${asked.method} ${asked.path}`);
    if (route === undefined) return problem(404, "not_found", "There is no such thing here.");
    return typeof route === "function" ? route(asked) : route;
  }
}

/** An error as the service answers it. */
export function problem(
  status: number,
  code: string,
  detail: string,
  headers: Record<string, string> = {},
): Answer {
  return {
    status,
    body: JSON.stringify({
      type: `urn:colabel:problem:${code}`,
      title: "No",
      status,
      detail,
      code,
    }),
    headers: { "Content-Type": "application/problem+json", ...headers },
  };
}

export function jsonOf(asked: Asked | undefined): Record<string, unknown> {
  return JSON.parse(asked?.body.toString("utf8") ?? "null") as Record<string, unknown>;
}
