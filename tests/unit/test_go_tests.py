"""The report of `go test`, for a module with every outcome."""

import os
import subprocess
import sys
from pathlib import Path

import go_tests
import pytest

FILES = {
    "go.mod": "module sample.test/ways\n\ngo 1.26\n",
    "good/good_test.go": """\
package good

import "testing"

func TestPasses(t *testing.T) { t.Run("part", func(*testing.T) {}) }
""",
    "good/store_test.go": """\
//go:build integration

package good

import "testing"

func TestWithStore(t *testing.T) { t.Fatal("TEST_ADDRESS is not set") }
""",
    "skips/skips_test.go": """\
package skips

import "testing"

func TestSkips(t *testing.T) { t.Skip("nothing to test with") }
func TestStays(*testing.T)   {}
func TestPart(t *testing.T)  { t.Run("inner", func(t *testing.T) { t.Skip("later") }) }
""",
    "fails/fails_test.go": """\
package fails

import "testing"

func TestFails(t *testing.T) { t.Error("two is not one") }
""",
    "panics/panics_test.go": """\
package panics

import "testing"

func TestPanics(*testing.T) { panic("out of paper") }
func TestAfterwards(*testing.T) {}
""",
    "broken/broken_test.go": """\
package broken

import "testing"

func TestBroken(t *testing.T) { undefined() }
""",
    "elsewhere/elsewhere_test.go": """\
//go:build plan9

package elsewhere

import "testing"

func TestElsewhere(*testing.T) {}
""",
}


def write(root: Path, *folders: str) -> Path:
    for name, text in FILES.items():
        if name == "go.mod" or name.split("/")[0] in folders:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return go_tests.run(write(tmp_path_factory.mktemp("ways"), *(name.split("/")[0] for name in FILES)))


def test_every_outcome_has_the_name_of_the_test(report):
    assert set(report.passed) == {"good TestPasses", "skips TestStays", "skips TestPart"}
    assert set(report.failed) == {"fails TestFails", "panics TestPanics", "broken"}
    assert set(report.skipped) == {"skips TestSkips", "skips TestPart/inner"}
    assert not report.ok


def test_the_output_of_a_test_is_below_its_name(report):
    lines = str(report).splitlines()
    assert "two is not one" in lines[lines.index("FAILED fails TestFails") + 1]
    assert "nothing to test with" in lines[lines.index("SKIPPED skips TestSkips") + 1]
    assert "out of paper" in report.output["panics TestPanics"]
    assert "undefined: undefined" in report.output["broken"]


def test_a_test_that_no_build_selects_is_missing(report):
    assert report.missing == ["elsewhere TestElsewhere"]


def test_tests_that_need_stores_are_counted(report):
    assert report.needing_stores == 1
    assert "because they need stores: 1" in str(report)


def test_with_stores_the_same_tests_run(tmp_path):
    report = go_tests.run(write(tmp_path, "good"), go_tests.WITH_STORES)
    assert report.failed == ["good TestWithStore"]
    assert "TEST_ADDRESS is not set" in report.output["good TestWithStore"]
    assert not report.needing_stores


@pytest.mark.parametrize(("folder", "status"), [("good", 0), ("elsewhere", 1)])
def test_the_exit_status_says_whether_all_tests_ran(tmp_path, folder, status):
    done = subprocess.run(
        [sys.executable, go_tests.__file__, write(tmp_path, "good", folder)], env=os.environ, capture_output=True
    )
    assert done.returncode == status, done.stdout


def test_an_invalid_module_fails(tmp_path):
    write(tmp_path, "good")
    (tmp_path / "go.mod").write_text("module sample.test/ways\n\nrequire nonsense\n", encoding="utf-8")
    report = go_tests.run(tmp_path)
    assert not report.ok
    assert report.failed
