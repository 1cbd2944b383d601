import numpy as np
import pytest

from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point
from icsguard.twin import fitting
from icsguard.twin.dynamics import Feature, Law, Term
from icsguard.twin.site_model import STREAMS, Column, SiteModel


def column(name, kind="moving", **changes):
    fields = {
        "name": name,
        "mean": 0.0,
        "scale": 1.0,
        "low": -1e9,
        "high": 1e9,
        "quantum": 0.001,
        "kind": kind,
        "fresh_ns": 10**10,
        "seen_low": 0.0,
        "seen_high": 3.0,
        "trusted_steps": 60 if kind == "moving" else 0,
        "band": (0.1,) * 7 if kind == "moving" else (),
    }
    return Column(**(fields | changes))


def site(columns, terms, ties=(), **changes):
    bits = tuple(index for index, one in enumerate(columns) if one.kind == "command" and one.seen_high == 1.0)
    fields = {
        "conduit": "cell",
        "points_digest": "",
        "step_ns": 10**9,
        "columns": tuple(columns),
        "terms": tuple(terms),
        "ties": tuple(ties),
        "tracks": (),
        "modes": (),
        "mode_bits": bits,
        "known_modes": tuple((value,) * len(bits) for value in (0, 1)) if bits else ((),),
        "writings": (),
        "travel_ns": 60 * 10**9,
        "stream_scale": (1.0,) * (STREAMS * sum(one.kind == "moving" for one in columns)),
        "settling": (),
        "residuals": _empty(),
        "flow": _empty(),
        "flow_feature_scale": (),
        "symbols": (),
        "shapes": (),
        "peak_rate": 10.0,
        "repeats": False,
        "rows": 0,
        "seconds": 0.0,
        "data_digest": "",
        "gram": b"",
    }
    return SiteModel(**(fields | changes))


def _empty():
    from icsguard.twin.site_model import Calibration

    return Calibration()


class Tank:
    """A tank with a pump that a bit starts: level (0) rises by 0.1 a step while pump (1) runs, and falls by 0.02."""

    points = (
        Point("level", 1, Table.INPUT, 0, scale=0.001, unit="m", safe_min=0.5, safe_max=3.0),
        Point("pump", 1, Table.COIL, 0, DataType.BOOL),
    )
    terms = (
        Term(0, Feature(-1), 0.1, ((1, 1),)),
        Term(0, Feature(-1), -0.02, ((1, 0),)),
    )

    def model(self, **changes):
        columns = (column("level"), column("pump", "command", seen_high=1.0))
        return site(columns, self.terms, **changes)


@pytest.fixture
def tank():
    return Tank()


@pytest.fixture
def make_site():
    return site


@pytest.fixture
def make_column():
    return column


@pytest.fixture(scope="session")
def recording():
    """Rows of a tank with valve: level, flow in, flow out, pump bit, valve command; noise and quanta as on a wire."""
    noise = np.random.default_rng(5)
    rows, level, flow_in = [], 1.5, 0.0
    pump, valve = 1.0, 0.5
    for at in range(900):
        if at % 37 == 0:
            pump = 1.0 - pump
        if at % 53 == 0:
            valve = float(noise.uniform(0.3, 0.58))
        flow_in += (0.8 * pump - flow_in) * 0.5
        flow_out = 0.9 * valve
        level += 0.05 * (flow_in - flow_out)
        level = min(max(level, 0.0), 4.0)
        noisy = noise.normal(0, 0.002, 3)
        rows.append(
            (round(level + noisy[0], 3), round(flow_in + noisy[1], 2), round(flow_out + noisy[2], 2), pump, valve)
        )
    return np.array(rows)


@pytest.fixture(scope="session")
def columns_of():
    def make(rows):
        bits = np.array([False, False, False, True, False])
        mean, scale = fitting.standardisers(rows, np.full(5, 0.001), bits)
        return fitting.Columns(
            mean=mean,
            scale=scale,
            low=np.concatenate([[0.0], rows.min(axis=0)[1:] - 0.1]),
            high=np.concatenate([[65.5], rows.max(axis=0)[1:] + 0.1]),
            moving=(0, 1, 2),
            free=(1, 2),
            numbers=(0, 1, 2, 4),
            bits=(3,),
            acts_on=np.ones((5, 5), dtype=bool),
        )

    return make


@pytest.fixture(scope="session")
def aligned(recording):
    moved = recording[:-1].copy()
    moved[:, [3, 4]] = recording[1:, [3, 4]]
    return moved


@pytest.fixture(scope="session")
def structure(aligned, columns_of):
    return fitting.fit([aligned[:600]], columns_of(aligned[:600]))


@pytest.fixture(scope="session")
def law(structure) -> Law:
    return structure.law
