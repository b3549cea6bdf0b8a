// Zapier's own servers, as far as running steps ask them: cursors of dropdowns, and the file store.
import { Loopback, jsonOf } from "./service.js";

export class Zapier {
  readonly uploads = "POST /store";
  private cursor: string | null = null;
  private constructor(readonly server: Loopback) {
    server.on("POST /rpc", (asked) => {
      const { id, method, params } = jsonOf(asked) as {
        id: string;
        method: string;
        params: string[];
      };
      return { json: { id, result: this.call(method, params) } };
    });
    server.on(this.uploads, { status: 204 });
  }

  static async start(): Promise<Zapier> {
    return new Zapier(await Loopback.start());
  }

  /** What is said beside the bundle so that core asks here; it logs nothing without a token. */
  get event(): Record<string, unknown> {
    return { rpc_base: `${this.server.url}/rpc`, storeKey: "dropdown", cursorTestObj: undefined };
  }

  private call(method: string, [first]: string[]): unknown {
    if (method === "get_cursor") return this.cursor;
    if (method === "set_cursor") {
      this.cursor = first ?? null;
      return null;
    }
    if (method === "get_presigned_upload_post_data") {
      return { url: `${this.server.url}/store`, fields: { key: "a/b", bucket: "files" } };
    }
    throw new Error(`Nobody asks Zapier for ${method}.`);
  }
}
