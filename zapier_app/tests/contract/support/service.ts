import { facts } from "./facts.js";
import { until } from "./until.js";

/** What the tests read of the service's own resources; the app shows them in its own shape. */
export interface Prediction {
  id: string;
  status: string;
  label: string | null;
  review_id: string | null;
  url: string;
  actions: { id: string; kind: string; status: string }[];
}

/** Calls the API as Alice does, who runs the workspace: past the app. */
export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const [status, answer] = await tryApi<T>(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  return answer;
}

/** The same, for calls that may be refused: the status beside the answer. */
export async function tryApi<T>(
  method: string,
  path: string,
  body?: unknown,
): Promise<[number, T]> {
  const response = await fetch(`${facts.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${facts.adminKey}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return [response.status, (text === "" ? {} : JSON.parse(text)) as T];
}

/** A picture that no other one looks like. */
export async function newPicture(colour: "red" | "green" | "blue" | "grey"): Promise<Buffer> {
  const response = await fetch(`${facts.desk}/pictures/${colour}`);
  return Buffer.from(await response.arrayBuffer());
}

/** Has a new picture classified, past the app, and waits until it is decided or asked about. */
export async function classified(
  colour: "red" | "green" | "blue" | "grey",
  said: { classifier?: string; external_id?: string; name?: string; metadata?: object } = {},
): Promise<Prediction> {
  const { classifier = facts.classifier, ...fields } = said;
  const image = (await newPicture(colour)).toString("base64");
  const path = `/classifiers/${classifier}/predictions`;
  const { id } = await api<Prediction>("POST", path, { image_base64: image, ...fields });
  return until(`${id} is looked at`, async () => {
    const shown = await api<Prediction>("GET", `/predictions/${id}`);
    return shown.status !== "queued" && shown;
  });
}

/** A person answers the question about a picture. */
export async function answer(
  prediction: { review_id: string | null },
  label: string,
): Promise<void> {
  await api("POST", `/reviews/${prediction.review_id}/answer`, { label });
}

/** Makes a rule for as long as the running test lasts: see `withRule` in the tests. */
export async function makeRule(label: string, actions: object[]): Promise<{ id: string }> {
  return api("POST", `/classifiers/${facts.actingClassifier}/rules`, { label, actions });
}

export async function deleteRule(rule: { id: string }): Promise<void> {
  await api("DELETE", `/classifiers/${facts.actingClassifier}/rules/${rule.id}`);
}

/** Asks whoever runs the service for something that the API does not give. */
export async function atDesk<T>(what: "restart" | "revoke" | "limited", said: object): Promise<T> {
  const body = JSON.stringify(said);
  const response = await fetch(`${facts.desk}/${what}`, { method: "POST", body });
  if (!response.ok) throw new Error(`${what}: ${await response.text()}`);
  return (await response.json()) as T;
}
