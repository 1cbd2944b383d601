import inspect

from icsguard.control.api import GatewayFacade


def test_the_facade_is_asked_by_one_awaitable_method():
    assert inspect.iscoroutinefunction(GatewayFacade.handle)
    assert ["self", "request", "operator"] == list(inspect.signature(GatewayFacade.handle).parameters)
