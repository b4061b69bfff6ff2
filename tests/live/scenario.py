"""A scenario is a function: its docstring says what happens, the end of its body says what is true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.live.scene import Scene

CONFIG = """# The PBX on which the capture was made, in amibridge's configuration format.
pbx:
  - name: lab
    host: 127.0.0.1
    port: 15038
    username: bridge
    secret: lab-bridge
numbers:
  region: RU
  internal: '{internal}'
extensions: {name}-extensions.yaml
"""
MAP = """extensions:
  "120": {{name: Иван Петров, crm_user: 15}}
  "121": {{name: Анна, crm_user: 16}}
  "134": {{name: Ольга Смирнова, crm_user: 12, mobiles: ["+79161112233"]}}
  "135": {{name: Пётр, crm_user: 17}}
  "136": {{name: Supervisor, crm_user: 18}}
  "137": {{name: Reception, crm_user: 19}}
trunks: {trunks}
"""
Story = Callable[["Scene"], None]


@dataclass(frozen=True)
class Scenario:
    name: str
    what: str
    story: Story
    only: str | None = None
    """A version of Asterisk."""
    late: bool = False
    """The story itself connects the recorder, when it likes."""
    trunks: str = ""
    """The trunks of a configuration of its own; without, that of the other captures."""
    internal: str = ""
    """What an extension looks like in it."""

    @property
    def files(self) -> dict[str, str]:
        """Its own configuration, to be kept beside the capture."""
        if not self.trunks:
            return {}
        return {
            f"{self.name}.yaml": CONFIG.format(name=self.name, internal=self.internal),
            f"{self.name}-extensions.yaml": MAP.format(trunks=self.trunks),
        }


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    only: str | None = None, late: bool = False, trunks: str = "", internal: str = r"1\d\d"
) -> Callable[[Story], Story]:
    """Declares a story. With `trunks` it has a configuration of its own, else that of the other captures."""

    def declare(story: Story) -> Story:
        name = story.__name__
        what = " ".join((story.__doc__ or "").split())
        SCENARIOS[name] = Scenario(name, what, story, only, late, trunks, internal)
        return story

    return declare
