"""Admission: the checks of a piece of work, before any of it is stored or executed.

A request of any API, a line of a batch and a call within the process are refused here, with the same errors in the
same order. Knows no HTTP.
"""

from understudy.clock import Clock
from understudy.engine.accounting import Accounting
from understudy.engine.admission.assistants import AssistantAdmission
from understudy.engine.admission.chat import ChatAdmission
from understudy.engine.admission.files import FileChecks
from understudy.engine.admission.input_items import ItemAdmission
from understudy.engine.admission.messages import MessageChecks
from understudy.engine.admission.models import ModelChecks
from understudy.engine.admission.responses import ResponseAdmission
from understudy.engine.admission.runs import RunAdmission
from understudy.engine.admission.threads import ThreadAdmission
from understudy.engine.admission.tool_resources import ResourceChecks
from understudy.engine.admission.tools import ToolChecks
from understudy.engine.hosted_tools import HostedTools
from understudy.engine.images import Images
from understudy.engine.item_images import ItemImages
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.tools.interpreter import Interpreter
from understudy.settings import Settings
from understudy.store import Store
from understudy.tools.mcp import RemoteServers


class Admission:
    """The checks of all kinds of work. An `admit` returns what is to be created; a `check` only raises."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        models: ModelChecks,
        accounting: Accounting,
        interpreter: Interpreter,
        remote_servers: RemoteServers,
        images: Images,
        item_images: ItemImages,
        clock: Clock,
        limiter: RateLimiter,
        hosted: HostedTools,
    ) -> None:
        private_urls = settings.limits.private_urls
        self.check_funds = accounting.admit
        """Called before new billable work."""
        self.files = FileChecks(store, images)
        tools = ToolChecks(store, interpreter, remote_servers, clock, limiter.permissions)
        resources = ResourceChecks(store, self.files, clock, limiter)
        self.messages = MessageChecks(self.files, private_urls=private_urls)
        self.threads = ThreadAdmission(self.messages, resources, clock)
        self.assistants = AssistantAdmission(models, tools, resources)
        self.runs = RunAdmission(
            store, models, tools, resources, self.threads, self.messages, clock, settings.limits.run_seconds
        )
        self.items = ItemAdmission(store, self.files, item_images, private_urls=private_urls)
        self.responses = ResponseAdmission(
            self.items,
            self.files,
            tools,
            models,
            hosted,
            refuses_hosted_tools=settings.responses.hosted_tools == "refuse",
        )
        self.chat = ChatAdmission(self.files)
