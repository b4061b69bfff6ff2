"""The delivery: brings commands from the outbox to the CRMs, each by a courier of its own."""

from amibridge.delivery.clock import Clock, HostClock
from amibridge.delivery.courier import CourierStatus
from amibridge.delivery.delivery import Delivery
from amibridge.delivery.shadow import would_send

__all__ = ["Clock", "CourierStatus", "Delivery", "HostClock", "would_send"]
