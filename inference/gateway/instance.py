"""The data plane's one instance in this process. `console.asgi` starts it; the playground calls it from inside."""

from inference.gateway.app import GatewayApp

gateway_app = GatewayApp()
