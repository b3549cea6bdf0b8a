import type { App, Bundle, ZObject } from "zapier-platform-core";

import { call } from "./api.js";
import { baseUrl } from "./middleware.js";
import { hostOf } from "./problems.js";
import type { Me } from "./resources.js";

/** Whose key this is. What is returned here can be shown in the connection's label. */
async function test(z: ZObject, bundle: Bundle) {
  const me = await call<Me>(z, bundle, "me");
  return {
    workspace_id: me.workspace_id,
    workspace_name: me.workspace_name,
    key_name: me.key_name,
    scopes: me.scopes.join(", "),
    host: hostOf(baseUrl(z, bundle)),
  };
}

export const authentication: NonNullable<App["authentication"]> = {
  type: "custom",
  test,
  fields: [
    {
      key: "base_url",
      label: "Base URL",
      type: "string",
      required: true,
      placeholder: "https://colabel.example.com",
      helpText:
        "Where your colabel answers, as you open it in a browser. It must begin with `https://` and be reachable from the internet.",
    },
    {
      key: "api_key",
      label: "API Key",
      type: "password",
      required: true,
      helpText:
        "Make one where colabel runs: `colabel key create Zapier --scope ingest --scope read --scope review --scope subscribe`. It is sent to your colabel only.",
    },
  ],
  connectionLabel: "{{workspace_name}} ({{host}})",
};
