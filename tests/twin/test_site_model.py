from dataclasses import replace

import numpy as np
import pytest

from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.inference.api import ModelRefusedError
from icsguard.twin import site_model
from icsguard.twin.rollout import Roller
from icsguard.twin.site_model import points_digest


def test_a_restored_model_predicts_the_same(tank):
    model = tank.model()
    restored = site_model.decode(site_model.encode(model))
    assert model == restored
    state = np.array([1.0, 1.0])
    np.testing.assert_array_equal(
        Roller(model.law()).roll(state, state, 10), Roller(restored.law()).roll(state, state, 10)
    )


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[1]", b'{"x": ' + b"[" * 100_000])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(ModelRefusedError):
        site_model.decode(data)


def test_a_model_of_another_version_is_refused(tank):
    with pytest.raises(ModelRefusedError, match="learn again"):
        site_model.decode(site_model.encode(tank.model(schema="icsguard.site/0")))


def test_a_model_without_a_yardstick_for_each_column_is_refused(tank):
    with pytest.raises(ModelRefusedError, match="yardsticks"):
        site_model.decode(site_model.encode(tank.model(stream_scale=(1.0,) * 5)))


def test_a_model_says_how_many_streams_the_watch_has():
    from icsguard.detect.residuals import STREAMS

    assert site_model.STREAMS == len(STREAMS)


def test_another_scale_makes_another_process():
    point = Point("a", 1, Table.INPUT, 0)
    assert points_digest([point]) != points_digest([replace(point, scale=0.1)])
    assert points_digest([point]) == points_digest([replace(point, unit="m")])


def test_what_does_not_move_has_no_band_and_what_was_not_measured_an_infinite_one(tank, make_site, make_column):
    assert (tank.model().bands(5)[:, 1] == 0).all()
    unmeasured = make_site((make_column("a", band=()),), ())
    assert np.isinf(unmeasured.bands(5)).all()


def test_a_model_whose_unrest_is_not_of_its_columns_is_refused(tank):
    wrong = tank.model(unrest=site_model.Unrest((1.0,) * 99, 1.5))
    with pytest.raises(ModelRefusedError, match="yardsticks"):
        site_model.decode(site_model.encode(wrong))
