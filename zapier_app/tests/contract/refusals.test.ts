import { expect, test } from "vitest";

import { auth, failure, run } from "./support/core.js";
import { facts } from "./support/facts.js";
import { asZapierGivesIt } from "./support/hooks.js";
import { Proxy } from "./support/proxy.js";
import { pictureServer } from "./support/server.js";
import { answer, api, atDesk, newPicture, tryApi, type Prediction } from "./support/service.js";
import { Step } from "./support/waiting_zap.js";

const STEP = "creates.classify_picture.operation";
const TRIGGER = "triggers.picture_classified.operation";

test("a key that is revoked while a step waits has to be made anew, wherever it is used", async () => {
  const key = facts.keyToRevoke;
  const step = await Step.for("grey", { key });
  const { status, results } = await step.start();
  expect(status).toBe("CALLBACK");
  const { results: subscribed } = await run<{ id: string }>(`${TRIGGER}.performSubscribe`, {
    authData: auth(key),
    targetUrl: `${step.zapier.url}/hooks/`,
  });
  await atDesk("revoke", { key });
  expect((await tryApi("GET", `/webhooks/${subscribed.id}`))[0]).toBe(404);
  await answer(await api<Prediction>("GET", `/predictions/${results.id}`), "green");

  const authData = auth(key);
  const callback = asZapierGivesIt(await step.zapier.next("the service calls back"));
  const { inputData } = step;
  const resume = { authData, inputData, outputData: results, ...callback };
  const targetUrl = `${step.zapier.url}/hooks/`;
  const failures = [
    await failure(`${STEP}.performResume`, resume),
    await failure(`${STEP}.perform`, { authData, inputData }),
    await failure("authentication.test", { authData }),
    await failure(`${TRIGGER}.performSubscribe`, {
      authData,
      targetUrl,
    }),
    await failure(`${TRIGGER}.performList`, { authData }),
    await failure("triggers.classifier_list.operation.perform", { authData }),
  ];
  expect(failures.map(({ name }) => name)).toEqual(failures.map(() => "ExpiredAuthError"));
  expect(failures.map(({ sentence }) => sentence).join()).not.toContain("{");
});

test("a service that has enough for now is tried again when it says", async () => {
  const { url } = await atDesk<{ url: string }>("limited", { per_minute: 1 });
  const proxy = await Proxy.open(undefined, url);
  const authData = auth(facts.key, proxy.url);
  const classify = async () => {
    const files = await pictureServer(await newPicture("red"));
    const inputData = { classifier_id: facts.classifier, picture: `${files.url}/scan.png` };
    return { authData, inputData };
  };
  await run(`${STEP}.perform`, await classify());
  const { name, sentence, delay } = await failure(`${STEP}.perform`, await classify());
  expect(name).toBe("ThrottledError");
  const refused = proxy.passed.at(-1)?.answer;
  expect(refused?.status).toBe(429);
  expect(delay).toBe(Number(refused?.headers?.["retry-after"]));
  expect(delay).toBeGreaterThan(0);
  expect(sentence).not.toContain("{");
});
