"""The data plane's one instance in this process; `console.asgi` starts it, `console.ops` asks how it is."""

from inference.gateway.app import GatewayApp

gateway_app = GatewayApp()
