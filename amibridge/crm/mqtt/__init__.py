"""MQTT 5: an open card is a retained message of a broker; everything that is told is a message of its own too."""

from amibridge.crm.mqtt.adapter import Mqtt
from amibridge.crm.mqtt.settings import MqttSettings

__all__ = ["Mqtt", "MqttSettings"]
