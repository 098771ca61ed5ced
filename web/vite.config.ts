import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Where the API is while one develops: `npm run dev:api`, or a service with DESK_API set.
const api = process.env["DESK_API"] ?? "http://127.0.0.1:8790";

// What is committed ends with a line's end, and no line with a blank, as in all texts of the
// repository. Lines of several are the shaders of a library, which do not mind.
const ended: Plugin = {
  name: "ended",
  enforce: "post",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk") file.code = file.code.replace(/[ \t]+$/gm, "").replace(/\n*$/, "\n");
      else if (typeof file.source === "string") file.source = file.source.replace(/\n*$/, "\n");
    }
  },
};

export default defineConfig({
  plugins: [react(), ended],
  base: "./",
  build: {
    target: "es2022",
    // The service sends `script-src 'self'; img-src 'self' data:`: nothing is put into the page.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 400,
  },
  server: { port: 8791, proxy: { "/v1": api, "/openapi.json": api } },
  test: { include: ["src/**/*.test.ts"] },
});
