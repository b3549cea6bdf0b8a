import { auth, run, type Outcome } from "./core.js";
import { facts } from "./facts.js";
import { asZapierGivesIt, type Item } from "./hooks.js";
import { LocalServer, pictureServer, type Answer, type Received } from "./server.js";
import { newPicture } from "./service.js";

const STEP = "creates.classify_picture.operation";

/** One run of the step Classify Picture, and the address at which Zapier waits for its end. */
export class Step {
  outcome: Outcome<Item> | undefined;

  private constructor(
    readonly inputData: Record<string, unknown>,
    private readonly authData: Record<string, string>,
    readonly zapier: LocalServer,
  ) {}

  /** A step for a new picture, which waits for a person if the model is unsure. */
  static async for(
    colour: "red" | "green" | "blue" | "grey",
    options: {
      said?: Record<string, unknown>;
      url?: string;
      key?: string;
      zapier?: (received: Received) => Answer;
    } = {},
  ): Promise<Step> {
    const { url: picture } = await pictureServer(await newPicture(colour));
    const inputData = {
      classifier_id: facts.classifier,
      picture: `${picture}/scan.png`,
      wait_for_person: true,
      ...options.said,
    };
    return new Step(
      inputData,
      auth(options.key, options.url),
      await LocalServer.open(options.zapier),
    );
  }

  /** Runs the step until it is through or pauses. */
  async start(meta: Record<string, unknown> = {}, path = "/callback/1"): Promise<Outcome<Item>> {
    const { inputData, authData } = this;
    const event = { callback_url: this.zapier.url + path };
    this.outcome = await run<Item>(`${STEP}.perform`, { inputData, authData, meta }, event);
    return this.outcome;
  }

  /** Waits until the service calls back, and resumes as Zapier then does. */
  async resumed(): Promise<Item> {
    return this.resume(await this.zapier.next("the service calls back"));
  }

  /** Resumes with what was sent to the callback address. */
  async resume(callback: Received): Promise<Item> {
    const { inputData, authData } = this;
    const outputData = this.outcome?.results;
    const bundle = { inputData, authData, outputData, ...asZapierGivesIt(callback) };
    const { status, results } = await run<Item>(`${STEP}.performResume`, bundle);
    if (status !== "SUCCESS") throw new Error(`A step that was resumed is ${status} again.`);
    return results;
  }
}
