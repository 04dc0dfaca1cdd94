"""Which provider answers for which model id."""

import asyncio

import pytest

from llm.reading import BODY, collect, failure, said
from understudy.errors import SettingsError
from understudy.llm.openai import OpenAIProvider
from understudy.llm.provider_models import DISCOVERY_WAIT, LIST_RETRY_DELAY, LIST_TTL
from understudy.settings import ProviderSettings
from upstream import HANG, fault, stalled


@pytest.fixture
def rehearsal(other, clock):
    """Whatever provider stands in the embedded model's place; Models closes it."""
    return OpenAIProvider("rehearsal", ProviderSettings(base_url=other.url), clock)


async def route(models, model):
    """Each target as `provider/own id`; None where the model is certainly unknown."""
    found = await models.find(model)
    return None if found is None else [f"{target.provider.name}/{target.model}" for target in found.targets]


async def listed(models):
    return [card.id for card in await models.list()]


class TestAnId:
    async def test_that_a_provider_lists_goes_there_under_its_own_name(self, upstream, models):
        assert await route(models({"main": {"base_url": upstream.url}}), "gpt-4o") == ["main/gpt-4o"]

    async def test_that_the_settings_list_goes_there_without_a_discovery(self, upstream, models):
        assert await route(models({"main": {"base_url": upstream.url, "models": ["m"]}}), "m") == ["main/m"]
        assert upstream.listings == []

    async def test_that_no_provider_lists_is_unknown(self, upstream, models):
        assert await route(models({"main": {"base_url": upstream.url}}), "gpt-9") is None
        assert await route(models({"main": {"base_url": upstream.url, "models": ["m"]}}), "gpt-4o") is None

    async def test_that_no_provider_lists_is_routed_to_one_with_an_incomplete_list(self, upstream, other, models):
        partial = {"base_url": other.url, "unlisted_models": "pass"}
        made = models({"main": {"base_url": upstream.url, "models": ["m"]}, "partial": partial})
        assert await route(made, "m") == ["main/m"]
        assert await route(made, "gpt-9") == ["partial/gpt-9"]
        assert await route(made, "partial/gpt-9") == ["partial/gpt-9"]
        assert await route(made, "main/gpt-9") == ["partial/main/gpt-9"]
        assert "gpt-9" not in await listed(made)

    async def test_that_another_provider_lists_is_not_routed_to_one_with_an_incomplete_list(
        self, upstream, other, models
    ):
        other.models = ("partial/gpt-oss",)
        partial = {"base_url": upstream.url, "unlisted_models": "pass"}
        made = models({"partial": partial, "router": {"base_url": other.url}})
        await listed(made)
        assert await route(made, "partial/gpt-oss") == ["router/partial/gpt-oss"]

    async def test_that_no_provider_lists_is_routed_to_azure_as_a_deployment_name(self, upstream, models):
        azure = {"kind": "azure", "base_url": upstream.root, "api_version": "v", "unlisted_models": "pass"}
        assert await route(models({"azure": azure}), "my-deployment") == ["azure/my-deployment"]

    async def test_that_two_providers_list_goes_to_the_first(self, upstream, other, models):
        made = models({"b": {"base_url": upstream.url}, "a": {"base_url": other.url}})
        assert await route(made, "gpt-4o") == ["b/gpt-4o"]

    async def test_with_a_provider_before_it_is_pinned(self, upstream, other, models):
        made = models({"b": {"base_url": upstream.url}, "a": {"base_url": other.url}})
        assert await route(made, "a/gpt-4o") == ["a/gpt-4o"]
        assert await route(made, "a/gpt-9") is None

    async def test_with_a_provider_prefix_is_routed_to_the_provider_that_lists_it_whole(self, upstream, other, models):
        other.models = ("openai/gpt-oss",)
        made = models({"openai": {"base_url": upstream.url}, "router": {"base_url": other.url}})
        assert await route(made, "openai/gpt-oss") == ["router/openai/gpt-oss"]

    async def test_may_omit_the_snapshot_date_or_latest_tag(self, upstream, models):
        upstream.models = ("claude-x-20250929", "gpt-x-2025-04-14", "llama:latest", "qwen:7b")
        made = models({"main": {"base_url": upstream.url}})
        assert [await route(made, model) for model in ("claude-x", "gpt-x", "llama", "qwen")] == [
            ["main/claude-x"],
            ["main/gpt-x"],
            ["main/llama"],
            None,
        ]

    @pytest.mark.parametrize(
        ("model", "target"),
        [
            ("gpt-4o", "first/starred"),
            ("gpt-4", "first/starred"),
            ("gpt-4.1", "first/starred"),
            ("my-gpt-4", None),
            ("second/gpt-4o", "second/exact"),
        ],
    )
    async def test_that_is_an_alias_goes_by_order_of_providers(self, upstream, models, model, target):
        common = {"base_url": upstream.url, "models": []}
        made = models(
            {
                "first": {**common, "aliases": {"gpt-4": "starred", "gpt-4.*": "starred", "gpt-4o": "starred"}},
                "second": {**common, "aliases": {"gpt-4o": "exact"}},
            }
        )
        assert await route(made, model) == (target and [target])

    async def test_that_is_an_alias_is_exact_before_it_is_a_pattern(self, upstream, models):
        aliases = {"gpt-*": "pattern", "gpt-4o": "exact", "*mini": "late"}
        made = models({"main": {"base_url": upstream.url, "aliases": aliases}})
        assert [await route(made, model) for model in ("gpt-4o", "gpt-4o-mini", "o4-mini")] == [
            ["main/exact"],
            ["main/pattern"],
            ["main/late"],
        ]

    async def test_that_is_a_fallbacks_alias_alone_goes_there(self, upstream, other, models):
        made = models(
            {
                "a": {"base_url": upstream.url, "models": [], "fallbacks": ["b"]},
                "b": {"base_url": other.url, "aliases": {"mine": "x"}},
            }
        )
        assert await route(made, "mine") == ["b/x"]

    async def test_that_is_an_alias_goes_before_anothers_list(self, upstream, other, models):
        made = models({"a": {"base_url": upstream.url}, "b": {"base_url": other.url, "aliases": {"gpt-4o": "x"}}})
        assert await route(made, "gpt-4o") == ["b/x"]

    async def test_unknown_goes_to_the_first_provider_without_a_list(self, upstream, other, models):
        other.models = None
        made = models({"a": {"base_url": upstream.url}, "b": {"base_url": other.url}})
        assert await route(made, "gpt-9") == ["b/gpt-9"]

    async def test_unknown_goes_to_no_azure_provider(self, upstream, models):
        made = models({"azure": {"kind": "azure", "base_url": upstream.root, "aliases": {"gpt-4o": "prod"}}})
        assert await route(made, "gpt-4o") == ["azure/prod"]
        assert await route(made, "gpt-4") is None
        assert upstream.listings == []


class TestTheEmbeddedModel:
    async def test_answers_to_its_own_id(self, upstream, models, rehearsal):
        assert await route(models({"main": {"base_url": upstream.url}}, rehearsal), "rehearsal") == [
            "rehearsal/rehearsal"
        ]

    @pytest.mark.parametrize(
        "model",
        [
            "gpt-4o",
            "gpt-3.5-turbo",
            "chatgpt-4o-latest",
            "o1",
            "o3-mini",
            "claude-sonnet-4-5",
            "openai/gpt-4o",
            "ft:gpt-4o:a",
        ],
    )
    async def test_answers_to_hosted_names_where_no_provider_is_configured(self, models, rehearsal, model):
        assert await route(models({}, rehearsal), model) == [f"rehearsal/{model}"]

    @pytest.mark.parametrize("model", ["gpt", "llama3", "ollama", "o11y", "opus", "my-gpt-4o", ""])
    async def test_answers_to_no_other_name(self, models, rehearsal, model):
        assert await route(models({}, rehearsal), model) is None

    async def test_leaves_hosted_names_to_configured_providers(self, upstream, models, rehearsal):
        assert await route(models({"main": {"base_url": upstream.url, "models": []}}, rehearsal), "gpt-4o") is None

    async def test_is_unknown_where_it_is_disabled(self, models):
        assert await route(models({}), "rehearsal") is None
        assert await route(models({}), "gpt-4o") is None


class TestFallbacks:
    async def test_follow_in_their_order_with_their_own_ids(self, upstream, other, models, rehearsal):
        made = models(
            {
                "a": {"base_url": upstream.url, "fallbacks": ["c", "b", "d", "rehearsal"]},
                "b": {"base_url": other.url, "models": ["gpt-4o"]},
                "c": {"base_url": other.url, "models": [], "aliases": {"gpt-*": "own"}},
                "d": {"base_url": other.url, "models": ["another"]},
            },
            rehearsal,
        )
        assert await route(made, "gpt-4o") == ["a/gpt-4o", "c/own", "b/gpt-4o", "rehearsal/gpt-4o"]

    async def test_follow_a_pinned_id_under_the_model_alone(self, upstream, other, models):
        made = models({"a": {"base_url": upstream.url, "fallbacks": ["b"]}, "b": {"base_url": other.url}})
        await made.list()
        assert await route(made, "a/gpt-4o") == ["a/gpt-4o", "b/gpt-4o"]

    def test_that_do_not_exist_stop_the_start(self, models):
        with pytest.raises(SettingsError, match="'nowhere'"):
            models({"a": {"fallbacks": ["nowhere"]}})

    async def test_are_first_only_for_models_that_no_earlier_provider_has(self, upstream, other, models):
        made = models(
            {
                "main": {"base_url": upstream.url, "fallbacks": ["spare"]},
                "spare": {"base_url": other.url, "models": [], "aliases": {"gpt-*": "own"}, "fallbacks": ["main"]},
            }
        )
        assert await route(made, "gpt-4o") == ["main/gpt-4o", "spare/own"]
        assert await route(made, "gpt-9") == ["spare/own"]

    async def test_stay_fallbacks_while_the_list_before_them_is_unknown(self, upstream, other, models):
        upstream.models = None
        made = models(
            {
                "main": {"base_url": upstream.url, "fallbacks": ["spare"]},
                "spare": {"base_url": other.url, "models": [], "aliases": {"gpt-*": "own"}},
            }
        )
        assert await route(made, "gpt-4o") == ["main/gpt-4o", "spare/own"]


class TestDiscovery:
    async def test_happens_once_for_many_concurrent_requests(self, upstream, models):
        made = models({"main": {"base_url": upstream.url}})
        assert await asyncio.gather(*(route(made, "gpt-4o") for _ in range(20))) == [["main/gpt-4o"]] * 20
        assert len(upstream.listings) == 1

    async def test_is_good_for_five_minutes(self, upstream, models, clock):
        made = models({"main": {"base_url": upstream.url}})
        await listed(made)
        upstream.models = ("new",)
        clock.time += LIST_TTL - 1
        assert await listed(made) == ["gpt-4o", "gpt-4o-mini"]
        clock.time += 1
        assert await listed(made) == ["new"]

    async def test_is_repeated_for_a_missed_model_after_ten_seconds(self, upstream, models, clock):
        made = models({"main": {"base_url": upstream.url}})
        assert await route(made, "new") is None
        upstream.models = ("new",)
        assert await route(made, "new") is None
        clock.time += LIST_RETRY_DELAY
        assert await route(made, "new") == ["main/new"]

    async def test_that_failed_is_not_repeated_for_ten_seconds(self, upstream, models, clock):
        upstream.list_with(fault(500))
        made = models({"main": {"base_url": upstream.url}})
        for _ in range(3):
            assert await route(made, "gpt-9") == ["main/gpt-9"]
        assert len(upstream.listings) == 1
        clock.time += LIST_RETRY_DELAY
        await route(made, "gpt-9")
        await asyncio.to_thread(upstream.wait_for, 2, listings=True)

    async def test_that_fails_preserves_the_previous_list(self, upstream, models, clock):
        made = models({"main": {"base_url": upstream.url}})
        await listed(made)
        upstream.list_with(fault(500))
        clock.time += LIST_TTL
        assert await listed(made) == ["gpt-4o", "gpt-4o-mini"]

    async def test_that_hangs_is_waited_for_no_longer_than_its_patience(self, upstream, models, clock):
        upstream.list_with(stalled(HANG))
        made = models({"main": {"base_url": upstream.url}})
        first = asyncio.create_task(route(made, "gpt-9"))
        await asyncio.to_thread(upstream.wait_for, 1, listings=True)
        clock.time += DISCOVERY_WAIT
        async with asyncio.timeout(DISCOVERY_WAIT / 2):
            assert await route(made, "gpt-9") == ["main/gpt-9"]
        first.cancel()
        await asyncio.wait([first], timeout=10)

    async def test_under_way_ends_with_the_models(self, upstream, models):
        upstream.list_with(stalled(HANG))
        made = models({"main": {"base_url": upstream.url, "aliases": {"a": "b"}}})
        assert await route(made, "a") == ["main/b"]
        await asyncio.to_thread(upstream.wait_for, 1, listings=True)
        await made.close()
        assert await asyncio.to_thread(upstream.listings[0].gone.wait, 10)


class TestTheList:
    async def test_is_sorted_and_holds_exact_aliases_and_the_embedded_model(self, upstream, models, rehearsal):
        aliases = {"fast": "gpt-4o-mini", "gpt-4*": "gpt-4o"}
        made = models({"main": {"base_url": upstream.url, "aliases": aliases}}, rehearsal)
        cards = {card.id: card.owned_by for card in await made.list()}
        assert list(cards) == ["fast", "gpt-4o", "gpt-4o-mini", "rehearsal", "rehearsal-embedding"]
        hosts = ["main", "upstream", "upstream", "rehearsal", "rehearsal"]
        assert list(cards.values()) == hosts

    async def test_omits_models_of_an_unavailable_provider(self, upstream, other, models):
        other.list_with(fault(500))
        assert await listed(models({"b": {"base_url": other.url}, "a": {"base_url": upstream.url}})) == [
            "gpt-4o",
            "gpt-4o-mini",
        ]

    async def test_names_each_id_once_by_its_first_provider(self, upstream, models):
        common = {"base_url": upstream.url, "models": ["m"]}
        (card,) = await models({"b": common, "a": common}).list()
        assert (card.id, card.owned_by) == ("m", "b")

    async def test_returns_a_single_model_by_any_known_id(self, upstream, other, models, rehearsal):
        other.models = None
        made = models(
            {"main": {"base_url": upstream.url, "aliases": {"x*": "gpt-4o"}}, "blind": {"base_url": other.url}},
            rehearsal,
        )
        owners = {model: await made.get(model) for model in ("gpt-4o", "xyz", "main/gpt-4o", "rehearsal", "guess")}
        assert {model: card and (card.id, card.owned_by) for model, card in owners.items()} == {
            "gpt-4o": ("gpt-4o", "upstream"),
            "xyz": ("xyz", "main"),
            "main/gpt-4o": ("main/gpt-4o", "main"),
            "rehearsal": ("rehearsal", "rehearsal"),
            "guess": None,
        }


class TestARequestFor:
    async def test_a_known_model_is_sent_under_the_providers_own_id(self, upstream, models):
        made = models({"main": {"base_url": upstream.url, "aliases": {"mine": "gpt-4o"}}})
        assert said(await collect(made.stream({**BODY, "model": "mine"}))) == "You said: Hello"
        await made.complete({**BODY, "model": "main/gpt-4o-mini"})
        assert [request.body["model"] for request in upstream.requests] == ["gpt-4o", "gpt-4o-mini"]

    async def test_an_unknown_model_is_refused(self, upstream, models):
        made = models({"main": {"base_url": upstream.url}})
        for asked in (made.complete({**BODY, "model": "gpt-9"}), made.stream({**BODY, "model": "gpt-9"})):
            caught = await failure(asked)
            assert (caught.kind, caught.code, caught.param) == ("model_not_found", "model_not_found", "model")
            assert "'gpt-9'" in caught.message
            assert caught.message.endswith("Models of this server: 'gpt-4o', 'gpt-4o-mini'.")
        assert upstream.requests == []
