"""Inside the VPC first, on the Internet second, elsewhere only where the settings say so."""

import socket
from time import monotonic

import pytest

from eip_agent.openapi.endpoint import candidates, choose, split


@pytest.mark.parametrize(
    ("product", "region", "names"),
    [
        ("vpc", "cn-beijing", ["vpc-vpc.cn-beijing.aliyuncs.com", "vpc.cn-beijing.aliyuncs.com"]),
        ("ecs", "cn-beijing", ["ecs-vpc.cn-beijing.aliyuncs.com", "ecs.cn-beijing.aliyuncs.com"]),
        ("vpc", "cn-hangzhou", ["vpc-vpc.cn-hangzhou.aliyuncs.com", "vpc.aliyuncs.com"]),
        ("ecs", "cn-hangzhou", ["ecs-vpc.cn-hangzhou.aliyuncs.com", "ecs-cn-hangzhou.aliyuncs.com"]),
    ],
)
def test_names_follow_the_cloud(product: str, region: str, names: list[str]) -> None:
    assert candidates(product, region, {}) == names
    assert candidates(product, region, {product: "192.0.2.1:8443"}) == ["192.0.2.1:8443"]


def test_a_name_may_have_a_port() -> None:
    assert split("192.0.2.1:8443") == ("192.0.2.1", 8443)
    assert split("vpc.aliyuncs.com") == ("vpc.aliyuncs.com", 443)


def test_the_first_that_accepts_is_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        open1, open2 = (f"127.0.0.1:{server.getsockname()[1]}" for server in (one, two))
        with socket.create_server(("127.0.0.1", 0)) as gone:
            closed = f"127.0.0.1:{gone.getsockname()[1]}"
        names = {"a": [open1, open2], "b": [closed, open2], "c": [closed]}

        assert choose(names, 2.0, monotonic() + 5) == {"a": open1, "b": open2}
