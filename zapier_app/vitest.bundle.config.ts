import { defineConfig } from "vitest/config";

// What the platform's own command line built; `npm run bundle` comes first.
export default defineConfig({
  test: {
    include: ["tests/bundle/**/*.test.ts"],
    env: { NODE_ENV: "test" },
    testTimeout: 120_000,
  },
});
