"""Failures of the expectations in titles/ show their values, as those of tests do."""

import pytest

pytest.register_assert_rewrite("tests.property.titles")
