#!/usr/bin/env bash
# The desk from a clean checkout: types, tests, build, whether the committed build is what the
# source gives, licences, size, and the browser where there is one.
#
#   SHROFF=target/debug/shroff bash web/test.sh
set -euo pipefail
[ -z "${SHROFF:-}" ] || SHROFF=$(realpath "$SHROFF")
export SHROFF="${SHROFF:-}"
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v npm >/dev/null 2>&1 || { echo "desk: skipped, npm is not here"; exit 0; }

npm ci --no-audit --no-fund --loglevel=error
node checks.mjs licences
if [ -f ../openapi.json ]; then
  npm run --silent api
  git diff --exit-code -- src/api/openapi.ts || { echo "desk: src/api/openapi.ts is not what openapi.json gives; run: npm run api"; exit 1; }
fi
npm run --silent types
npm run --silent test
committed=$(mktemp -d)
trap 'rm -rf "$committed"' EXIT
cp -r dist "$committed/"
npm run --silent build
diff -r dist "$committed/dist" || { echo "desk: web/dist is not what the source gives; run: npm run build, and commit it"; exit 1; }
node checks.mjs size
node e2e/run.mjs
