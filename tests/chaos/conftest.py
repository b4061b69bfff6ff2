"""Assertions in the modules that the tests share say what was different, too."""

import pytest

pytest.register_assert_rewrite("tests.chaos.dying", "tests.chaos.random_runs")
