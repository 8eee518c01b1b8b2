#!/bin/sh
# Build the wheel and the source distribution, install the wheel alone, and use it as a user would.
# usage: wheel.sh PYTHON     (PYTHON has `build`; the wheel's dependencies come from requirements.lock)
# What works is left in dist/.
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
"$PYTHON" - "$NEW" <<'P'
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

new = Path(sys.argv[1])
asked, seen = [("hubbub", "")], set()
while asked:
    name, extra = asked.pop()
    if (name, extra) in seen:
        continue
    seen.add((name, extra))
    own = name == "hubbub"
    dist = next(iter(distributions(name=name, path=[str(new)]))) if own else distribution(name)
    for line in dist.requires or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            asked += [(needed.name, one) for one in ("", *needed.extras)]
    for top in {file.parts[0] for file in dist.files or ()} - {"..", "__pycache__"}:
        if not (new / top).exists():
            (new / top).symlink_to(dist.locate_file(top))
P
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
mkdir -p "$HERE/dist"
cp "$DIR"/dist/* "$HERE/dist/"
echo "wheel: works, and is in dist/"
