import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/contract/**", "tests/bundle/**", "node_modules/**"],
    // Core decides by this that the checks of its own raise errors instead of writing log lines.
    env: { NODE_ENV: "test" },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
