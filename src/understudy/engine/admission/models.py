"""Checks of the model that a request names."""

from understudy.engine.limits.permissions import PermissionChecks
from understudy.errors import InvalidRequest
from understudy.llm.router import Models


class ModelChecks:
    def __init__(self, models: Models, permissions: PermissionChecks) -> None:
        self._models = models
        self.check_permission = permissions.check_model
        """Raises PermissionDenied for a model that the project may not use."""
        self._explain_refusal = permissions.explain_refusal

    async def check(self, project_id: str, model: str) -> None:
        """Raises InvalidRequest for a model of no provider, PermissionDenied for one that the project may not use."""
        await self.check_permission(project_id, model)
        if await self._models.find(model) is None:
            message = f"The requested model '{model}' does not exist.{self._models.suggest_models(model)}"
            raise InvalidRequest(message, param="model", code="model_not_found")

    async def explain_missing(self, project_id: str, model: str) -> str | None:
        """The fault of a batch whose requests name a model of no provider, or one that the project may not use."""
        if (refusal := await self._explain_refusal(project_id, model)) is not None:
            return refusal
        if await self._models.find(model) is not None:
            return None
        suggestion = self._models.suggest_models(model)
        return f"The model {model!r} does not exist or you do not have access to it.{suggestion}"

    async def check_moderation(self, project_id: str, model: str) -> None:
        """Raises InvalidRequest for a model that no provider moderates with, and PermissionDenied as `check` does."""
        await self.check_permission(project_id, model)
        if not await self._models.can_relay(model):
            raise InvalidRequest(
                f"The model {model!r} cannot moderate: no provider that has /moderations serves it. Add one to the"
                " settings, as `[providers.NAME]` with `kind` 'openai' or 'azure', or name a model of it.",
                param="moderation.model",
                code="unsupported_model",
            )

    async def check_logprobs(self, model: str, param: str) -> None:
        """Raises InvalidRequest if the model's providers return no log probabilities; `param` requests them."""
        if not await self._models.supports_logprobs(model):
            raise InvalidRequest(
                f"Unsupported parameter: '{param}'. The provider of the model {model!r} does not return log"
                " probabilities.",
                param=param,
                code="unsupported_parameter",
            )
