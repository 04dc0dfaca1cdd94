"""Checks of the models and hosted tools that a project may use. Knows no object that names them."""

from collections.abc import Iterable

from understudy.engine.limits.policies import Policies
from understudy.errors import InvalidRequest, PermissionDenied
from understudy.llm.router import Models
from understudy.store.permissions import HOSTED_TOOLS, ModelPermissions


class PermissionChecks:
    def __init__(self, policies: Policies, models: Models) -> None:
        self._policies = policies
        self._models = models

    async def check_model(self, project_id: str, model: str) -> None:
        """Raises PermissionDenied for a model that the project may not use, by any of its ids."""
        if (message := await self.explain_refusal(project_id, model)) is not None:
            raise PermissionDenied(message, code="model_not_found")

    async def explain_refusal(self, project_id: str, model: str) -> str | None:
        """Why the project may not use a model; None if it may."""
        permissions = await self._find_models(project_id)
        if permissions is None or permissions.allows(self._names(model)):
            return None
        return f"Project `{project_id}` does not have access to model `{model}`"

    async def restricts_models(self, project_id: str) -> bool:
        """Whether the project may not use all models."""
        return await self._find_models(project_id) is not None

    async def filter_models(self, project_id: str, models: Iterable[str]) -> set[str]:
        """The models that the project may use."""
        permissions = await self._find_models(project_id)
        return {model for model in models if permissions is None or permissions.allows(self._names(model))}

    async def check_tools(self, project_id: str, tools: Iterable[tuple[str, str]]) -> None:
        """`tools` are types of tools, each with its place in the request. Raises InvalidRequest for a disabled one."""
        if self._policies.is_unused:
            return
        policy = self._policies.find(project_id, "") or await self._policies.load(project_id, "")
        disabled = policy.permissions.disabled_tools
        for kind, param in tools if disabled else ():
            if find_hosted_tool(kind) in disabled:
                raise InvalidRequest(
                    f"The hosted tool {kind!r} is disabled for this project. Leave it out, or have an administrator"
                    " permit it.",
                    param=param,
                    code="unsupported_tool",
                )

    async def _find_models(self, project_id: str) -> ModelPermissions | None:
        if self._policies.is_unused:
            return None
        policy = self._policies.find(project_id, "") or await self._policies.load(project_id, "")
        return policy.permissions.models

    def _names(self, model: str) -> set[str]:
        return {*self._models.names_and_url(model)[0], *self._models.aliases(model)}


def find_hosted_tool(kind: str) -> str | None:
    """The hosted tool of a type, whose versions have a date or `preview` after its name."""
    return next((tool for tool in HOSTED_TOOLS if kind == tool or kind.startswith(f"{tool}_")), None)
