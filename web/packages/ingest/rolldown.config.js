import { defineConfig } from "rolldown";

// With @noble/hashes and fflate inside, so that it needs no other package.
export default defineConfig({
  platform: "browser",
  input: "src/index.ts",
  output: { file: "dist/index.js", sourcemap: true },
});
