import { defineConfig } from "vitest/config";

// The tests share one service that was freshly started, so nothing runs beside anything else.
export default defineConfig({
  test: {
    include: ["tests/contract/**/*.test.ts"],
    // With a deploy key core asks the Zapier that tests start; on its own it would refuse to.
    env: { NODE_ENV: "test", ZAPIER_DEPLOY_KEY: "for-loopback-only" },
    pool: "forks",
    fileParallelism: false,
    maxWorkers: 1,
    // Core and the app are loaded once for all files, none of which keeps anything.
    isolate: false,
    sequence: { concurrent: false },
    testTimeout: 180_000,
    hookTimeout: 600_000,
    teardownTimeout: 60_000,
  },
});
