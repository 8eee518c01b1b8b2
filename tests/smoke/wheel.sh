#!/bin/sh
# Build the wheel and the source distribution, install the wheel alone, and use it as a user would.
# usage: wheel.sh PYTHON     (PYTHON has `build`; the wheel's dependencies come from requirements.lock)
set -eu
PYTHON=$1
HERE=$(cd "$(dirname "$0")/../.." && pwd)
case $PYTHON in /*) ;; *) PYTHON=$HERE/$PYTHON ;; esac
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
cp -r "$HERE" "$DIR/src"
rm -rf "$DIR/src/.venv" "$DIR/src/build" "$DIR/src/demo"
"$PYTHON" -m build --no-isolation --outdir "$DIR/dist" "$DIR/src" >"$DIR/build.log" 2>&1 || { cat "$DIR/build.log"; exit 1; }
"$PYTHON" -m venv "$DIR/venv"
# The dependencies are those of the environment that builds; only hubbub itself comes from the wheel.
SITE=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
NEW=$("$DIR/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$DIR/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index "$DIR"/dist/*.whl
for entry in "$SITE"/*; do
  name=$(basename "$entry")
  case $name in *hubbub*|__pycache__|pip|pip-*|setuptools|setuptools-*|_distutils_hack|distutils-precedence.pth) continue ;; esac
  [ -e "$NEW/$name" ] || ln -s "$entry" "$NEW/$name"
done
cd "$DIR"
cat >events.jsonl <<'J'
{"id": "1", "timestamp": 1767225600, "topic": "org.example.prod.git.push", "users": ["ann"], "objects": ["a"]}
{"id": "2", "timestamp": 1767229200, "topic": "org.example.prod.git.push", "users": ["ann", "bob"], "objects": ["a"]}
{"id": "2", "timestamp": 1767229200, "topic": "org.example.prod.git.push", "users": ["ann", "bob"], "objects": ["a"]}
J
HUBBUB=$DIR/venv/bin/hubbub
"$DIR/venv/bin/python" - <<'P'
import hubbub, hubbub.collector.event
assert "/venv/" in hubbub.__file__ and "/venv/" in hubbub.collector.event.__file__, hubbub.__file__
P
"$HUBBUB" --version
"$HUBBUB" --store store import events.jsonl --format jsonl
"$HUBBUB" --store store query users --format csv | tee users.csv
grep -q '^ann,2' users.csv
"$HUBBUB" --store store chart tail -o tail.svg
grep -q '<svg' tail.svg
"$HUBBUB" --store store report -o report
test -s report/index.html
echo "wheel: works"
