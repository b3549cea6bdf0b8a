"""The command line: each command does its work or says in a sentence what to do instead."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from colours import backbone as colour_backbone
from colours import colour_classifier, picture
from sqlalchemy import select

from connector.checkup import checks, places, processes
from connector.cli import COMMANDS, cli
from connector.commands.answers import labelled_folders
from connector.commands.show import table
from connector.db import Database
from connector.db.tables import Classifier, ModelVersion, Prediction, Workspace
from connector.domain import accounts, classifiers
from connector.errors import ColabelError
from connector.settings import Settings, load_settings
from connector.storage import open_blobs
from models import backbone
from models.pretrained import key_of
from workers.backbones import KeptBackbones
from workers.runtime import open_runtime

COLOURS = ("blue", "green", "red")
Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that the commands of a test use."""
    folder = tmp_path / "data"
    monkeypatch.setenv("COLABEL_DATA_DIR", str(folder))
    monkeypatch.setenv("COLABEL_MIN_FREE_BYTES", "0")
    return folder


@pytest.fixture
def run(data: Path) -> Run:
    def invoke(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, [str(one) for one in arguments])
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def opened(run: Run) -> Any:
    """The database behind the commands, made by one of them."""
    run("key", "list")
    database = Database(load_settings().database)
    yield database
    database.close()


def pictures(root: Path, seeds: range) -> Path:
    for colour in COLOURS:
        (root / colour).mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            (root / colour / f"{seed}.png").write_bytes(picture(colour, seed=seed))
    return root


def test_help_names_every_command_and_loads_none() -> None:
    program = (
        "import sys; from click.testing import CliRunner; from connector.cli import cli\n"
        "print(CliRunner().invoke(cli, ['--help']).output)\n"
        "print(*(m for m in sys.modules if m.startswith('connector.commands.')), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    for name in COMMANDS:
        assert f"  {name} " in done.stdout
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_help_text_of_its_own(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_a_worker_becomes_its_own_process(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _path, arguments: became.append(arguments[1:]))
    run("worker", "train", "--burst")
    run("clock")
    run("watch")
    run("web", "--port", "1234")
    assert became[0] == ["-m", "workers.main", "train", "--burst"]
    assert became[1] == ["-m", "workers.clock"]
    assert became[2] == ["-m", "workers.watch"]
    assert became[3][:2] == ["-m", "gunicorn"]
    assert "127.0.0.1:1234" in became[3]


def test_the_first_command_makes_a_workspace_and_shows_its_key_once(run: Run) -> None:
    first = run("key", "list")
    assert "clbl_" in first.stderr
    assert "clbl_" not in run("key", "list").stderr


def test_a_key_is_made_used_and_revoked(run: Run, opened: Database) -> None:
    secret = run("key", "create", "camera", "--scope", "ingest").stdout.strip()
    with opened.read() as session:
        camera = accounts.authenticate(session, secret)
    assert camera.scopes == {"ingest"}
    assert "camera" in run("key", "list").stdout
    run("key", "revoke", camera.key_id)
    assert "camera" not in run("key", "list").stdout
    assert "key list" in run("key", "revoke", camera.key_id, code=1).output


def test_another_workspace_is_named(run: Run, opened: Database) -> None:
    with opened.write() as session:
        workspace = accounts.create_workspace(session, "Second")
    secret = run("key", "create", "x", "--workspace", "Second").stdout.strip()
    with opened.read() as session:
        assert accounts.authenticate(session, secret).workspace_id == workspace.id
    assert "colabel up" in run("key", "create", "x", "--workspace", "Third", code=1).output


def test_the_database_is_upgraded_once(run: Run, data: Path) -> None:
    assert "went from revision none" in run("db", "upgrade").stdout
    assert "up to date" in run("db", "upgrade").stdout


def test_import_makes_the_classifier_and_goes_on_when_run_again(
    run: Run, opened: Database, tmp_path: Path
) -> None:
    root = pictures(tmp_path / "in", range(3))
    (root / "red/bad.png").write_bytes(b"no picture")
    first = run("import", "paints", root)
    assert "10 files: 9 added, 1 skipped." in first.stdout
    assert "skipped red/bad.png: This is not a picture" in first.stdout
    again = run("import", "paints", root)
    assert "9 known already" in again.stdout
    with opened.read() as session:
        workspace = session.scalars(select(Workspace)).one()
        row = classifiers.find_classifier(session, workspace.id, "paints")
        assert classifiers.example_counts(session, row) == dict.fromkeys(COLOURS, 3)


def test_a_heap_is_imported_without_labels(run: Run, opened: Database, tmp_path: Path) -> None:
    root = pictures(tmp_path / "in", range(2))
    said = run("import", "paints", root, "--labels", "none").stdout
    assert "6 files: 6 added." in said
    assert "Pictures that wait for a label: 6." in said
    assert "colabel train" not in said
    assert "wait for a label: 6" in run("label", "list", "paints").stdout
    again = run("import", "paints", root).stdout
    assert "6 labelled" in again
    assert "colabel train" in again


def test_labels_are_listed_added_renamed_merged_and_removed(
    run: Run, opened: Database, tmp_path: Path
) -> None:
    run("import", "paints", pictures(tmp_path / "in", range(2)))
    run("label", "add", "paints", "teal", "grey")
    assert "“red” is called “crimson”" in run("label", "rename", "paints", "red", "crimson").stdout
    assert "which has 4 examples" in run("label", "merge", "paints", "green", "blue").stdout
    run("label", "remove", "paints", "teal")
    assert "examples=unlabel" in run("label", "remove", "paints", "crimson", code=1).output
    assert "merge" in run("label", "rename", "paints", "grey", "blue", code=1).output
    assert "blue, crimson, grey" in run("label", "rename", "paints", "x", "y", code=1).output
    run("label", "remove", "paints", "crimson", "--examples", "unlabel")
    shown = run("label", "list", "paints").stdout
    assert [line.split() for line in shown.splitlines()[2:4]] == [["blue", "4"], ["grey", "0"]]
    assert "wait for a label: 2" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "x", "EMPTY"), "one folder of pictures"),
        (("import", "x", "EMPTY", "--labels", "magic"), "folders, names"),
        (("import", "clf_01hq", "EMPTY"), "There is no classifier"),
        (("train", "nobody"), "there are: none yet"),
        (("export", "nobody", "out.onnx"), "there are: none yet"),
        (("evaluate", "nobody", "EMPTY"), "no pictures in folders"),
        (("label", "list", "nobody"), "there are: none yet"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Run, opened: Database, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [str(tmp_path / "empty") if one == "EMPTY" else one for one in arguments]
    result = run(*given, code=1)
    assert words in result.output
    assert "Traceback" not in result.output


def test_training_without_examples_says_what_is_missing(
    run: Run, opened: Database, tmp_path: Path
) -> None:
    (tmp_path / "in/red").mkdir(parents=True)
    (tmp_path / "in/red/1.png").write_bytes(picture("red"))
    run("import", "paints", tmp_path / "in")
    assert "“red” has 1 and needs 1 more" in run("train", "paints", code=1).output


def test_export_writes_the_model_and_never_over_another_file(
    run: Run, opened: Database, tmp_path: Path
) -> None:
    with opened.write() as session:
        workspace = session.scalars(select(Workspace)).one()
        colour_classifier(session, open_blobs(load_settings()), workspace.id)
    out = tmp_path / "model.onnx"
    run("export", "colours", out)
    assert out.read_bytes() == colour_backbone()
    assert "--force" in run("export", "colours", out, code=1).output
    run("export", "colours", out, "--force")
    assert "no version 9" in run("export", "colours", "--version", 9, "--force", out, code=1).output


def test_a_bad_setting_stops_with_its_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLABEL_WEIGHTS", "/no/such/file")
    assert "COLABEL_WEIGHTS" in run("key", "list", code=1).output


def test_the_checks_of_doctor_tell_what_to_do(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings()
    assert places.data_folder(settings).status == "warn"
    assert "colabel up" in checks.database(settings).sentence
    run("db", "upgrade")
    assert places.data_folder(settings).status == "ok"
    assert checks.database(settings).status == "ok"
    assert places.disk(settings).status in ("ok", "warn")
    assert places.disk(settings.model_copy(update={"min_free_bytes": 10**18})).status == "fail"
    assert not processes.service_runs(settings)
    assert checks.redis_server(settings, running=False).status == "warn"
    away = settings.model_copy(update={"redis_url": f"unix://{data}/none.sock"})
    assert checks.redis_server(away, running=False).status == "fail"
    gone = settings.model_copy(
        update={"database_url": f"postgresql+psycopg://me:secret@/x?host={data}"}
    )
    found = checks.database(gone)
    assert found.status == "fail"
    assert "secret" not in found.sentence


def test_folders_are_found_with_their_labels(tmp_path: Path) -> None:
    root = pictures(tmp_path, range(1))
    (root / "red/notes.txt").write_text("no picture")
    (root / "loose.png").write_bytes(picture("red"))
    found = labelled_folders(root)
    assert [(path.name, label) for path, label in found] == [("0.png", c) for c in COLOURS]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ColabelError):
        labelled_folders(tmp_path / "empty")


def test_a_table_is_aligned() -> None:
    text = table(("label", "n"), [("ant", 5), ("butterfly", 100)])
    assert text.splitlines() == [
        "label        n",
        "---------  ---",
        "ant          5",
        "butterfly  100",
    ]


def prepared_weights(folder: Path, settings: Settings) -> Path:
    """A weights file whose export is kept already, so that no network has to be converted."""
    file = folder / "mobilenet_v2.pth"
    file.write_bytes(b"never loaded")
    rt = open_runtime(settings, with_redis=False)
    key = key_of(backbone.find(None, file), "sort")
    KeptBackbones(rt)[key] = colour_backbone()
    rt.database.close()
    return file


@pytest.mark.service
def test_from_import_to_answers_without_a_running_service(
    run: Run, opened: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = prepared_weights(tmp_path, load_settings())
    monkeypatch.setenv("COLABEL_WEIGHTS", str(weights))
    run("import", "paints", pictures(tmp_path / "in", range(20)))
    trained = run("train", "paints")
    assert "Version 1 of 'paints'" in trained.stdout
    assert "held-out pictures" in trained.stdout
    with opened.read() as session:
        assert session.scalars(select(Classifier)).one().live_version == 1
        assert session.scalars(select(ModelVersion)).one().metrics["accuracy"] == 1.0
    reported = run("report", "paints").stdout
    assert "No mistake in" in reported
    assert [line.split()[0] for line in reported.splitlines()[4:7]] == ["blue", "green", "red"]
    promised = run("promise", "paints", "--error-rate", "0.4").stdout
    assert "At most 40 in 100 automatic answers are wrong" in promised
    assert "always asks" not in promised
    assert "1  live  head" in run("version", "list", "paints").stdout
    assert "0 pictures of the last 30 days" in run("rehearse", "paints").stdout
    assert "has a label already" in run("suggest", "paints").stdout
    assert "one promise" in run("promise", "paints", "--ask-nothing", "--confidence", code=1).stderr
    test_set = pictures(tmp_path / "new", range(50, 53))
    (test_set / "red/bad.png").write_bytes(b"no picture")
    scored = run("evaluate", "paints", test_set)
    assert "100.0% of 9 pictures right" in scored.stdout
    assert "bad.png" in scored.stdout
    answered = run("classify", "paints", test_set / "blue/50.png", test_set / "red/50.png")
    assert [line.split()[1] for line in answered.stdout.splitlines()[2:]] == ["blue", "red"]
    assert run("classify", "paints", test_set / "red/bad.png", code=1).stdout
    with opened.read() as session:
        assert session.scalars(select(Prediction)).all() == []
    kept = run("classify", "paints", "--act", test_set / "green/50.png")
    assert "green" in kept.stdout
    with opened.read() as session:
        prediction = session.scalars(select(Prediction)).one()
        assert prediction.status in ("done", "needs_review")
        assert prediction.location["path"] == str(test_set / "green/50.png")
