#!/bin/sh
# Build the wheel and the source distribution, install the wheel alone, and use it as a user would.
# usage: wheel.sh PYTHON     (PYTHON has `build`; the wheel's dependencies come from requirements.lock)
# The same for the distribution hubbub-listen. What works is left in dist/.
set -eu
PYTHON=$1
HERE=$(cd "$(dirname "$0")/../.." && pwd)
case $PYTHON in /*) ;; *) PYTHON=$HERE/$PYTHON ;; esac
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
mkdir "$DIR/src"
tar -C "$HERE" --exclude=./.venv --exclude=./.git --exclude=./build --exclude=./demo -cf - . | tar -C "$DIR/src" -xf -
"$PYTHON" -m build --no-isolation --outdir "$DIR/dist" "$DIR/src" >"$DIR/build.log" 2>&1 || { cat "$DIR/build.log"; exit 1; }
"$PYTHON" -m venv "$DIR/venv"
# The dependencies are those of the environment that builds, and of these only what the wheel asks for:
# what happens to lie beside it for the tests must not hide that a dependency is not named.
NEW=$("$DIR/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$DIR/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index "$DIR"/dist/*.whl
"$PYTHON" "$HERE/tests/smoke/link_dependencies.py" "$NEW" hubbub
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
"$HUBBUB" config sample | cmp - "$DIR/venv/share/hubbub/hubbub.toml"
cmp "$HERE/deploy/hubbub.toml" "$DIR/venv/share/hubbub/hubbub.toml"
"$HUBBUB" --store store import events.jsonl --format jsonl
"$HUBBUB" --store store query users --format csv | tee users.csv
grep -q '^ann,2' users.csv
"$HUBBUB" --store store chart tail -o tail.svg
grep -q '<svg' tail.svg
"$HUBBUB" --store store report -o report
test -s report/index.html

# The distribution for machines that only listen: the same modules, fewer dependencies.
"$PYTHON" "$HERE/deploy/listen_project.py" "$DIR/src/pyproject.toml"
"$PYTHON" -m build --wheel --no-isolation --outdir "$DIR/listen" "$DIR/src" >"$DIR/build.log" 2>&1 || { cat "$DIR/build.log"; exit 1; }
"$PYTHON" -m venv --without-pip "$DIR/small"
SMALL=$("$DIR/small/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$DIR/venv/bin/python" -m pip --python "$DIR/small/bin/python" install --quiet --disable-pip-version-check --no-deps --no-index "$DIR"/listen/*.whl
"$PYTHON" "$HERE/tests/smoke/link_dependencies.py" "$SMALL" hubbub-listen
SIZE=$(du -smL "$SMALL" | cut -f1)
echo "hubbub-listen: $SIZE MB installed"
test "$SIZE" -le 250
PYTHONPATH=$HERE "$DIR/small/bin/python" -P "$HERE/tests/smoke/listen.py" "$DIR/small/bin/hubbub" "$HUBBUB" "$DIR/handover"

mkdir -p "$HERE/dist"
cp "$DIR"/dist/* "$DIR"/listen/*.whl "$HERE/dist/"
echo "wheel: works, and is in dist/"
