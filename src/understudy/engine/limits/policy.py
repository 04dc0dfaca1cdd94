"""The limits that apply to the requests of a key: the settings' defaults and what the store has instead. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from understudy.settings import LimitSettings
from understudy.store.limits import METRICS, UNLIMITED, Limit, Metric
from understudy.store.permissions import UNRESTRICTED, ProjectPermissions

Owner = Literal["key", "project", "model"]
"""The owner of a limit: a key, a project, or a model in a project."""
RelayedUnit = Literal["images", "audio_bytes"]
"""What relayed requests make or send, beside tokens."""
Unit = Literal["requests", "tokens", "batch_tokens", RelayedUnit]

MINUTE: Final = 60
DAY: Final = 86_400
_RATES: Final[tuple[tuple[Metric, Unit, int], ...]] = (
    ("requests_per_minute", "requests", MINUTE),
    ("tokens_per_minute", "tokens", MINUTE),
    ("requests_per_day", "requests", DAY),
    ("tokens_per_day", "tokens", DAY),
)
_BATCH_RATES: Final[tuple[tuple[Metric, Unit, int], ...]] = (("batch_tokens_per_day", "batch_tokens", DAY),)
_RELAYED_RATES: Final[dict[RelayedUnit, tuple[tuple[Metric, Unit, int], ...]]] = {
    "images": (("images_per_minute", "images", MINUTE),),
    "audio_bytes": (("audio_megabytes_per_minute", "audio_bytes", MINUTE),),
}
_UNITS_EACH: Final[dict[Metric, int]] = {"audio_megabytes_per_minute": 1_000_000}
"""How many units one of a limit is, if not one."""
_OWNERS: Final[tuple[Owner, ...]] = ("model", "key", "project")
_MAX_MODELS: Final = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """`limit` units in `window` seconds; `rate` of them come back each second. `cell` names their count.

    `scope` is the id of the key or the project.
    """

    cell: str
    owner: Owner
    scope: str
    unit: Unit
    window: int
    limit: int
    rate: float


class Policy:
    """The limits of one key. `limits` are those of its project and of itself, which override the settings'.

    `permissions` are its project's.
    """

    def __init__(
        self,
        project_id: str,
        key_id: str,
        defaults: LimitSettings,
        limits: Sequence[Limit],
        permissions: ProjectPermissions = UNRESTRICTED,
    ) -> None:
        self.project_id = project_id
        self.key_id = key_id
        self.permissions = permissions
        self._defaults = defaults
        self._amounts = {(limit.scope, limit.model, limit.metric): limit.amount for limit in limits}
        self._rules: dict[str, tuple[Rule, ...]] = {}

    @classmethod
    def has_defaults(cls, settings: LimitSettings) -> bool:
        """Whether the settings limit every key, project or model."""
        names = (f"{owner}_{metric}" for owner in _OWNERS for metric in METRICS)
        return any(getattr(settings, name, None) is not None for name in names)

    def amount(self, owner: Owner, metric: Metric, models: Sequence[str] = ("",)) -> int | None:
        """The limit, None for none. `models` are the ids of one model, for the owner `model`."""
        scope = self._scope(owner)
        for model in models:
            if (own := self._amounts.get((scope, model, metric))) is not None:
                return None if own == UNLIMITED else own
        default: int | None = getattr(self._defaults, f"{owner}_{metric}", None)
        return default

    def find_rules(self, model: str) -> tuple[Rule, ...] | None:
        """The rules that `list_rules` made for this model before."""
        return self._rules.get(model)

    def list_rules(self, models: Sequence[str]) -> tuple[Rule, ...]:
        """The rules for a request of a model with these ids; the first is the requested one."""
        if len(self._rules) >= _MAX_MODELS:
            self._rules.clear()
        self._rules[models[0]] = rules = self._build_rules(models, _RATES)
        return rules

    def list_batch_rules(self, models: Sequence[str]) -> tuple[Rule, ...]:
        """The rules for the input of a batch."""
        return self._build_rules(models, _BATCH_RATES)

    def list_relayed_rules(self, models: Sequence[str], unit: RelayedUnit) -> tuple[Rule, ...]:
        """The rules for images that a request makes, or for its bytes of audio."""
        return self._build_rules(models, _RELAYED_RATES[unit])

    def _build_rules(self, models: Sequence[str], rates: Sequence[tuple[Metric, Unit, int]]) -> tuple[Rule, ...]:
        rules = []
        for owner in _OWNERS:
            scope = self._scope(owner)
            if not scope:
                continue
            names = models if owner == "model" else ("",)
            for metric, unit, window in rates:
                amount = self.amount(owner, metric, names)
                if amount is not None:
                    limit = amount * _UNITS_EACH.get(metric, 1)
                    # All ids of a model are one count.
                    cell = f"{scope}/{names[-1]}/{metric}" if owner == "model" else f"{scope}//{metric}"
                    rules.append(Rule(cell, owner, scope, unit, window, limit, limit / window))
        return tuple(rules)

    def _scope(self, owner: Owner) -> str:
        return self.key_id if owner == "key" else self.project_id
