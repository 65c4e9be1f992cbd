"""The recipes of docs/checking.md, action.yml and .pre-commit-hooks.yaml: they parse, and parts that can run here are run."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers import ROOT, environment

FOLDER = ROOT / "tests" / "submissions"
TEXT = (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"<!-- recipe: ([a-z-]+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEP = ACTION["runs"]["steps"][0]
TRAP = "import sys\nsys.exit('a file of the submission was imported')\n"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("bash") or not shutil.which("git"), reason="needs bash and git"
)


def submission(folder: Path, *names: str) -> Path:
    """Create a folder as a student submits it, with modules that must not be imported."""
    (folder / "networks").mkdir(parents=True)
    for name in names:
        shutil.copy(FOLDER / "handed-in" / f"{name}.yaml", folder / "networks")
    for module in ("yaml", "click", "json", "cnncalc", "pip", "venv"):
        (folder / f"{module}.py").write_text(TRAP, encoding="utf-8")
    return folder


def program(file: Path, script: str) -> None:
    """Create an executable shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def installed(python: Path) -> None:
    """Create a stand-in for the Python of a fresh environment: `pip install` is recorded, otherwise the tests' Python runs."""
    path = [str(ROOT), *(entry for entry in sys.path if entry)]
    start = f"import sys; sys.path[:0] = {path!r}; sys.argv[0] = 'cnncalc'; from cnncalc.cli import main; main()"
    program(
        python,
        f'echo "$0 $*" >> "$LOG"\n'
        'if [ "$3" = pip ]; then exit 0; fi\n'
        'if [ "$1 $2 $3" != "-I -m cnncalc" ]; then echo "not isolated: $*" >&2; exit 9; fi\n'
        f'shift 3; exec {shlex.quote(sys.executable)} -I -c {shlex.quote(start)} "$@"',
    )


def course(folder: Path) -> None:
    """Create a server with the repository COURSE/policies, which has the policy only on its branch 2025."""
    work = folder / "work"
    server = folder / "COURSE" / "policies"
    work.mkdir(parents=True)
    shutil.copy(FOLDER / "policy.yaml", work / "homework3.yaml")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (
        ["init", "-q", "-b", "main", "."],
        ["commit", "-q", "--allow-empty", "-m", "nothing yet"],
        ["init", "-q", "-b", "main", "--bare", str(server)],
        ["push", "-q", str(server), "HEAD:main"],
        ["add", "-A"],
        ["commit", "-q", "-m", "the budget"],
        ["push", "-q", str(server), "HEAD:2025"],
    ):
        subprocess.run(["git", *identity, *words], cwd=work, check=True, capture_output=True)


class Runner:
    """A GitHub runner, as far as the action needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = submission(folder / "work", "good-plain", "bad-output")
        self.temp = folder / "temp"
        self.temp.mkdir()
        course(folder / "server")
        self.log = folder / "log"
        self.outputs = folder / "outputs"
        tools = folder / "tools"
        installed(tools / "template")
        program(
            tools / "python3",
            'echo "$0 $*" >> "$LOG"\n[ "$1 $2 $3" = "-I -m venv" ] || exit 9\n'
            f'mkdir -p "$4/bin" && cp {shlex.quote(str(tools / "template"))} "$4/bin/python"',
        )
        self.path = f"{tools}:{os.environ['PATH']}"

    def run(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the action's script with the inputs of a `with:` block."""
        given = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()} | {"token": "secret"}
        given |= {name.replace("_", "-"): value for name, value in inputs.items() if name != "base"}
        known = {f"inputs.{name}": value for name, value in given.items()}
        known |= {"github.event.pull_request.base.sha": inputs.get("base", ""), "github.action_path": "/action"}
        variables = {
            name: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: known[match[1]], value)
            for name, value in STEP["env"].items()
        }
        self.outputs.write_text("")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP["run"]],
            cwd=self.work,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env={
                "PATH": self.path,
                "LOG": str(self.log),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.outputs),
                "GITHUB_REPOSITORY": "COURSE/policies",
                "GITHUB_SERVER_URL": f"file://{self.folder}/server",
                **variables,
            },
        )

    @property
    def said(self) -> dict[str, str]:
        """Return the outputs of the step."""
        return dict(line.split("=", 1) for line in self.outputs.read_text().splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a fresh runner."""
    return Runner(tmp_path)


def test_inputs_reach_the_script_as_variables_only() -> None:
    assert "${{" not in STEP["run"]
    assert [step["id"] for step in ACTION["runs"]["steps"]] == ["check"]
    used = set(re.findall(r"inputs\.([a-z-]+)", str(STEP["env"])))
    assert used == set(ACTION["inputs"])
    assert set(re.findall(r"steps\.check\.outputs\.(\w+)", str(ACTION["outputs"]))) == {"status", "report"}


def test_the_action_checks(runner: Runner) -> None:
    done = runner.run(
        paths="networks/good-plain.yaml", policy="homework3.yaml", course="COURSE/policies", course_ref="2025"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("PASS networks/good-plain.yaml")
    assert runner.said == {"status": "0"}
    assert "pip install --quiet --disable-pip-version-check /action" in runner.log.read_text()
    assert not list(runner.temp.iterdir())


def test_the_action_annotates_and_reports(runner: Runner) -> None:
    (runner.work / "cnncalc.sarif").symlink_to(runner.folder / "victim")
    done = runner.run(
        paths="\nnetworks\n",
        policy="homework3.yaml",
        course="COURSE/policies",
        course_ref="2025",
        report="cnncalc.sarif",
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("::error file=networks/bad-output.yaml,title=output%3A wrong-output::")
    assert runner.said == {"report": str(runner.temp / "cnncalc.sarif"), "status": "1"}
    assert json.loads(Path(runner.said["report"]).read_text())["version"] == "2.1.0"
    assert not (runner.folder / "victim").exists()


def test_the_action_takes_one_rule(runner: Runner) -> None:
    given = {"paths": "networks", "policy": "homework3.yaml", "course": "COURSE/policies", "course_ref": "2025"}
    assert runner.run(**given, only="kinds").returncode == 0
    assert runner.run(**given, only="output").returncode == 1
    assert runner.run(**given, only="nonsense").returncode == 2


def test_the_policy_never_comes_from_the_submission(runner: Runner) -> None:
    mild = "cnncalc-policy: 1\nlimits: {params: {max: 1G}}\n"
    (runner.work / "homework3.yaml").write_text(mild)
    done = runner.run(paths="networks", policy="homework3.yaml")
    assert done.returncode == 2
    assert "the policy would come from the submission" in done.stdout
    done = runner.run(paths="networks", policy="homework3.yaml", base="2025")  # a pull request's base
    assert done.returncode == 1, done.stdout + done.stderr
    done = runner.run(
        paths="networks", policy="homework3.yaml", course="COURSE/policies"
    )  # its default branch has no policy
    assert done.returncode == 2
    assert "cannot fetch the policy" in done.stdout


@pytest.mark.heavy
@pytest.mark.parametrize(
    "inputs",
    [
        {"course": "$(touch pwned)/x"},
        {"course": "a/b; touch pwned"},
        {"course": "../../x"},
        {"course_ref": "--upload-pack=touch pwned"},
        {"course_ref": "$(touch pwned)"},
        {"course_ref": "2025:refs/heads/x"},
        {"policy": "$(touch pwned)"},
        {"policy": "--help"},
        {"only": "params; touch pwned"},
        {"only": "$(touch pwned)"},
        {"paths": "$(touch pwned)"},
        {"paths": "--policy=/dev/null"},
        {"paths": "\n\n"},
        {"format": "`touch pwned`"},
    ],
)
def test_no_input_is_run(runner: Runner, inputs: dict[str, str]) -> None:
    given = {"paths": "networks", "policy": "homework3.yaml", "course": "COURSE/policies", "course_ref": "2025"}
    done = runner.run(**{**given, **inputs})
    assert done.returncode == 2, done.stdout + done.stderr
    assert not list(runner.folder.rglob("pwned"))
    assert not list(runner.temp.iterdir())


def test_the_token_goes_to_git_only(runner: Runner) -> None:
    seen = runner.folder / "seen"
    program(
        runner.folder / "tools" / "git",
        f'env | grep -a GIT_CONFIG >> {shlex.quote(str(seen))}\nexec {shutil.which("git")} "$@"',
    )
    template = runner.folder / "tools" / "template"
    template.write_text(template.read_text().replace("bash\n", 'bash\nenv >> "$LOG"\n', 1))
    done = runner.run(
        paths="networks/good-plain.yaml", policy="homework3.yaml", course="COURSE/policies", course_ref="2025"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    secret = base64.b64encode(b"x-access-token:secret").decode()
    assert f"Authorization: Basic {secret}" in seen.read_text()
    for text in (runner.log.read_text(), done.stdout, done.stderr):
        assert "secret" not in text
        assert secret not in text


def test_the_workflows_are_written_as_github_reads_them() -> None:
    for name in ("github-actions", "github-code-scanning", "github-classroom"):
        workflow = yaml.load(RECIPES[name], yaml.BaseLoader)  # YAML 1.1 would read `on` as true
        assert set(workflow) == {"name", "on", "permissions", "jobs"}
        for step in steps(workflow):
            assert ("uses" in step) != ("run" in step)
            if "run" in step:
                assert "${{" not in step["run"]
            if step.get("uses", "").startswith("OWNER/cnncalc@"):
                assert set(step["with"]) <= set(ACTION["inputs"])
                assert {name for name, about in ACTION["inputs"].items() if about.get("required")} <= set(step["with"])
                assert "course" in step["with"]


def steps(workflow: Any) -> list[dict[str, Any]]:
    """Return the steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_classroom_grades_by_exit_status(tmp_path: Path) -> None:
    """The graders' commands run in an empty environment. bad-output keeps the points only for its kinds."""
    workflow = yaml.load(RECIPES["github-classroom"], yaml.BaseLoader)
    work = submission(tmp_path / "work", "bad-output")
    installed(tmp_path / "python")
    program(tmp_path / "cnncalc" / "bin" / "cnncalc", f'LOG=/dev/null exec {tmp_path}/python -I -m cnncalc "$@"')
    (tmp_path / "policies").mkdir()
    shutil.copy(FOLDER / "policy.yaml", tmp_path / "policies" / "homework3.yaml")
    prefix = workflow["jobs"]["autograding"]["env"]["CHECK"].replace("/tmp/", f"{tmp_path}/")
    graders = {step["id"]: step["with"] for step in steps(workflow) if "command-grader" in step.get("uses", "")}
    results = {}
    for name, grader in graders.items():
        command = grader["command"].replace("${{ env.CHECK }}", prefix)
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=work, capture_output=True, check=False, env={"PATH": os.environ["PATH"]}
        )
        results[name] = done.returncode
        assert done.stdout.isascii()
        assert not done.stderr, done.stderr
    assert results == {"params": 1, "output": 1, "kinds": 0}
    reporter = next(step for step in steps(workflow) if "reporter" in step.get("uses", ""))
    assert reporter["with"]["runners"].split(",") == list(graders)
    assert set(reporter["env"]) == {f"{name.upper()}_RESULTS" for name in graders}
    points = {name: int(grader["max-score"]) for name, grader in graders.items()}
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "cnncalc-policy" in block)
    assert points == yaml.safe_load(example)["points"]


def test_gitlab_keeps_its_reports_and_fails(tmp_path: Path) -> None:
    job = yaml.safe_load(RECIPES["gitlab"])["check"]
    work = submission(tmp_path / "work", "good-plain", "bad-output")
    (work / "junit.xml").symlink_to(tmp_path / "victim")
    installed(tmp_path / "python")
    tools = tmp_path / "tools"
    program(tools / "cnncalc", f'LOG=/dev/null exec {tmp_path}/python -I -m cnncalc "$@"')
    program(tools / "pip", "exit 0")
    program(tools / "git", "exit 0")
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],  # how GitLab's runner runs a script
        cwd=work,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "POLICY": str(FOLDER / "policy.yaml"),
            "CI_JOB_TOKEN": "x",
            "CI_SERVER_HOST": "y",
        },
    )
    assert done.returncode == 1, done.stderr
    assert "FAIL networks/bad-output.yaml" in done.stdout
    assert job["artifacts"]["when"] == "always"
    reports = {name: (work / file).read_text() for name, file in job["artifacts"]["reports"].items()}
    assert len(json.loads(reports["codequality"])) == 5
    assert "<testsuites" in reports["junit"]
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize(
    ("names", "score", "says"),
    [
        (["good-plain"], 14, "passed"),
        (["bad-output"], 5, "not 10"),
        ([], 0, "no .yaml"),
        (["unsound-tab"], 0, "no-tabs"),
    ],
)
def test_gradescope_runs(names: list[str], score: int, says: str, tmp_path: Path) -> None:
    home = tmp_path / "autograder"
    submission(home / "submission", *names)
    (home / "results").mkdir()
    (home / "source").mkdir()
    shutil.copy(FOLDER / "policy.yaml", home / "source" / "budget.yaml")
    installed(home / "venv" / "bin" / "python")
    script = RECIPES["gradescope-run"].replace("/autograder/", f"{home}/")
    environment = {"PATH": os.environ["PATH"], "LOG": "/dev/null"}
    subprocess.run(["bash", "-c", script], check=True, env=environment, capture_output=True)
    result = json.loads((home / "results" / "results.json").read_text())
    assert result["score"] == score
    assert any(says in test["output"] for test in result["tests"])
    assert "autograder" not in str(result)


def test_gradescope_reports_a_failed_installation(tmp_path: Path) -> None:
    home = tmp_path / "autograder"
    submission(home / "submission", "good-plain")
    (home / "results").mkdir()
    script = RECIPES["gradescope-run"].replace("/autograder/", f"{home}/")
    done = subprocess.run(["bash", "-c", script], check=False, env={"PATH": os.environ["PATH"]}, capture_output=True)
    assert done.returncode == 0
    assert json.loads((home / "results" / "results.json").read_text())["score"] == 0


@pytest.mark.parametrize("name", ["gradescope-setup", "gradescope-run"])
def test_shell_scripts_parse(name: str) -> None:
    subprocess.run(["bash", "-n"], input=RECIPES[name], encoding="utf-8", check=True)


def test_pre_commit_hook() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["language"] == "python"
    assert hook["entry"].split() == ["cnncalc", "check"]
    [repository] = yaml.safe_load(RECIPES["pre-commit"])["repos"]
    [use] = repository["hooks"]
    assert use["id"] == hook["id"]
    files = [str(FOLDER / "handed-in" / "good-plain.yaml"), "--odd.yaml"]  # pre-commit appends these to the arguments
    done = subprocess.run(
        [sys.executable, "-m", *hook["entry"].split(), *use["args"], *files],
        cwd=FOLDER,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env=environment(),
    )
    assert done.returncode == 2
    assert "no such" in done.stderr.lower() + done.stdout or "budget.yaml" in done.stderr


def test_the_example_policy_is_read(tmp_path: Path) -> None:
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "cnncalc-policy" in block)
    (tmp_path / "policy.yaml").write_text(example)
    done = subprocess.run(
        [sys.executable, "-m", "cnncalc", "check", str(FOLDER / "handed-in" / "good-plain.yaml"), "--policy",
         str(tmp_path / "policy.yaml"), "--format", "json"],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False,
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["policy"]["points"] == {"params": 5, "output": 3, "kinds": 2}
