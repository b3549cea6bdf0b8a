import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/contract/**", "tests/bundle/**", "node_modules/**"],
    // Core decides by this that the checks of its own raise errors instead of writing log lines.
    // With a deploy key core asks the Zapier that tests start; on its own it would refuse to.
    env: { NODE_ENV: "test", ZAPIER_DEPLOY_KEY: "for-loopback-only" },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
