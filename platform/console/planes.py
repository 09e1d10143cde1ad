"""The data plane's one instance in this process; `console.asgi` starts it, `console.ops` asks how it is."""

from inference.gateway.instance import gateway_app

__all__ = ["gateway_app"]
