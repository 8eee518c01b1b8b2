"""Run the job of a workflow file as a forge does: in a fresh clone, with a cache between runs.

Actions are done by what they are documented to do; every command is run as it stands.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Forge", "git"]

#: Programs that a runner has, and that need no network here. `pip` may do what happens meanwhile.
_PROGRAMS = {
    "hubbub": 'exec "{python}" -c "import sys; from hubbub.cli import main; sys.exit(main())" "$@"',
    "pip": 'test "$1" = install && eval "$MEANWHILE"',
    "apt-get": "exit 0",
    "python3": 'test "$1 $2" = "-m venv"',
}
_SITES = {"github": "docs", "gitlab": "public", "forgejo": ""}  # where a site lies in its branch
_SECRET = "https://hubbub:secret@forge.example/group/project.git"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; return what it prints."""
    ran = subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, text=True
    )
    return ran.stdout.strip()


@dataclass
class Forge:
    """A repository with a workflow, and the forge that runs it.

    Attributes:
        name: github, gitlab or forgejo.
        document: the workflow.
        folder: for everything.
        values: of the variables that the file tells to change.
        meanwhile: shell commands that run while a job is under way.
        deployed: commits or folders that were handed to the forge's pages.
    """

    name: str
    document: Mapping[Any, Any]
    folder: Path
    values: Mapping[str, str]
    meanwhile: str = ":"
    deployed: list[Path] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.bin, self.cache = self.folder / "opt/hubbub/bin", self.folder / "cache"
        self.bin.mkdir(parents=True)
        for name, lines in _PROGRAMS.items():
            program = self.bin / name
            program.write_text(f"#!/bin/sh\n{lines.format(python=sys.executable)}\n")
            program.chmod(0o755)
        self.branch = "pages" if self.name == "forgejo" else "main"
        self.remote, begin = self.folder / "project.git", self.folder / "begin"
        git(self.folder, "init", "-q", "--bare", "-b", "main", str(self.remote))
        git(self.remote, "config", "receive.advertisePushOptions", "true")
        git(self.folder, "clone", "-q", str(self.remote), str(begin))
        git(begin, "switch", "-q", "-c", self.branch)
        for key, value in (("user.name", "Kim"), ("user.email", "kim@example.org")):
            git(begin, "config", key, value)
        git(begin, "commit", "-q", "--allow-empty", "-m", "Begin")
        git(begin, "push", "-q", "-u", "origin", self.branch)

    def commits(self) -> list[str]:
        """Return the subjects of the branch that is served, the newest first."""
        return git(self.remote, "log", "--format=%s", self.branch).splitlines()

    def files(self) -> dict[str, str]:
        """Return the hashes of the site's files on the branch that is served."""
        lines = git(self.remote, "ls-tree", "-r", f"{self.branch}:{_SITES[self.name]}")
        pairs = (line.split("\t") for line in lines.splitlines())
        return {path: facts.split()[2] for facts, path in pairs}

    def run(self) -> int:
        """Run the job; return the status of the first command that failed, or 0."""
        self.runs += 1
        work = self.folder / f"run-{self.runs}"
        work.mkdir()
        status = self._gitlab(work) if self.name == "gitlab" else self._steps(work)
        shutil.rmtree(work)
        return status

    def _environment(self, work: Path, own: Mapping[str, Any]) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if n in {"LANG", "TMPDIR", "PYTHONPATH"}}
        return {
            **kept,
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(work),
            "MEANWHILE": self.meanwhile,
            "GITHUB_OUTPUT": str(work / "output"),
            **{name: str(value) for name, value in own.items()},
            **self.values,
        }

    def _save(self, place: Path) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)
        shutil.copytree(place, self.cache)

    def _restore(self, place: Path) -> None:
        if self.cache.exists():
            shutil.copytree(self.cache, place)

    def _clone(self, place: Path) -> None:
        url = self.remote.as_uri()
        git(self.folder, "clone", "-q", "--depth", "1", "-b", self.branch, url, str(place))

    def _steps(self, work: Path) -> int:
        (job,) = self.document["jobs"].values()
        environment = self._environment(work, self.document["env"])
        place, cached = work / "workspace", []
        place.mkdir()
        for step in job["steps"]:
            if "if" in step and not self._holds(step["if"], work / "output"):
                continue
            if "run" in step:
                script = step["run"].replace("/opt/hubbub", str(self.folder / "opt/hubbub"))
                here = place / step.get("working-directory", ".")
                status = _bash(script, "-e", here, environment)
                if status:
                    return status
                continue
            action, given = step["uses"].partition("@")[0], step.get("with", {})
            if action == "actions/checkout":
                self._clone(place / given.get("path", "."))
            elif action == "actions/cache":
                cached.append(place / given["path"])
                self._restore(cached[-1])
            elif action == "actions/upload-pages-artifact":
                shutil.copytree(place / given["path"], self.folder / f"artifact-{self.runs}")
            elif action == "actions/deploy-pages":
                self.deployed.append(self.folder / f"artifact-{self.runs}")
            else:
                assert action == "actions/setup-python", action
        for path in cached:  # only of a job that succeeded
            self._save(path)
        return 0

    @staticmethod
    def _holds(condition: str, output: Path) -> bool:
        """Whether a step of a scheduled run is done."""
        outputs = output.read_text() if output.exists() else ""
        known = "steps.commit.outputs.changed == 'true' || github.event_name == 'workflow_dispatch'"
        assert condition == known
        return "changed=true\n" in outputs

    def _gitlab(self, work: Path) -> int:
        job, place = self.document["pages"], work / "project"
        self._clone(place)
        git(place, "checkout", "-q", "--detach")
        environment = self._environment(work, self.document["variables"]) | {
            "PUSH_TOKEN": "secret", "CI_SERVER_HOST": "forge.example",
            "CI_PROJECT_PATH": "group/project", "CI_COMMIT_BRANCH": self.branch,
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": _SECRET,
            "GIT_CONFIG_KEY_0": f"url.{self.remote.as_uri()}.insteadOf",
        }  # fmt: skip
        (cached,) = job["cache"]["paths"]
        self._restore(place / cached)
        status = _bash("\n".join(job["script"]), "-eo pipefail", place, environment)
        if status:
            return status
        self._save(place / cached)
        (served,) = job["artifacts"]["paths"]
        shutil.copytree(place / served, self.folder / f"artifact-{self.runs}")
        self.deployed.append(self.folder / f"artifact-{self.runs}")
        return 0


def _bash(script: str, options: str, place: Path, environment: Mapping[str, str]) -> int:
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", *options.split(), "-c", script], cwd=place,
        env=dict(environment), check=False, capture_output=True, text=True,
    )  # fmt: skip
    print(ran.stdout, ran.stderr)  # noqa: T201 - shown where a test fails
    return ran.returncode
