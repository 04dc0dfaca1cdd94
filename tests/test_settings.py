"""Settings are read in layers, each value knows its source, and what is wrong is refused with a sentence."""

import pytest

from understudy.errors import SettingsError
from understudy.settings import list_secrets, load, mask_setting

KEY = "sk-0123456789abcdefghij"


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def write(folder, text, name="understudy.toml"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def refused(folder, flags=None, environ=None):
    with pytest.raises(SettingsError) as error:
        load(flags, environ or {}, folder)
    return str(error.value)


def sources(loaded):
    return {entry.name: entry.source for entry in loaded.entries()}


# -- layers ----------------------------------------------------------------------------------------------------


def test_without_any_layer_the_defaults_apply_and_are_named_as_the_source(folder):
    loaded = load({}, {}, folder)
    assert (loaded.settings.host, loaded.settings.port) == ("127.0.0.1", 8642)
    assert loaded.settings.data == folder / "understudy-data"
    assert set(sources(loaded).values()) == {"default"}


def test_a_flag_wins_over_a_variable_and_that_over_the_file_and_that_over_the_default(folder):
    path = write(folder, "port = 1\nhost = 'a'\nlog_level = 'debug'")
    environ = {"UNDERSTUDY_PORT": "2", "UNDERSTUDY_HOST": "b"}
    loaded = load({"port": "3", "host": None}, environ, folder)
    assert (loaded.settings.port, loaded.settings.host, loaded.settings.log_level) == (3, "b", "debug")
    found = sources(loaded)
    assert (found["port"], found["host"]) == ("--port", "UNDERSTUDY_HOST")
    assert (found["log_level"], found["broker"]) == (str(path), "default")


def test_layers_are_laid_over_each_other_setting_by_setting(folder):
    write(folder, "[limits]\njson_depth = 10\nrun_seconds = 5\n[providers.local]\nbase_url = 'http://h:1'\nretries = 1")
    environ = {"UNDERSTUDY_LIMITS__RUN_SECONDS": "7.5", "UNDERSTUDY_PROVIDERS__LOCAL__RETRIES": "4"}
    settings = load({}, environ, folder).settings
    assert (settings.limits.json_depth, settings.limits.run_seconds, settings.limits.concurrent_runs) == (10, 7.5, 2000)
    assert (settings.providers["local"].base_url, settings.providers["local"].retries) == ("http://h:1", 4)


def test_an_empty_variable_is_unset(folder):
    assert load({}, {"UNDERSTUDY_PORT": "", "UNDERSTUDY_CONFIG": ""}, folder).settings.port == 8642


@pytest.mark.parametrize("way", ["flag", "variable"])
def test_the_file_is_the_one_that_was_named(folder, way):
    write(folder, "port = 1")
    write(folder, "port = 2", "other.toml")
    flags = {"config": "other.toml"} if way == "flag" else {}
    environ = {"UNDERSTUDY_CONFIG": "other.toml"} if way == "variable" else {}
    assert load(flags, environ, folder).settings.port == 2


def test_a_relative_data_directory_is_relative_to_where_it_was_written(folder):
    (folder / "etc").mkdir()
    write(folder, "data = 'kept'", "etc/understudy.toml")
    assert load({"config": "etc/understudy.toml"}, {}, folder).settings.data == folder / "etc" / "kept"
    assert load({"data": "kept"}, {}, folder).settings.data == folder / "kept"


def test_text_spells_lists_tables_and_truth(folder):
    prefix = "UNDERSTUDY_PROVIDERS__LOCAL__"
    environ = {
        f"{prefix}BASE_URL": "http://h:1/v1",
        f"{prefix}MODELS": "a, b",
        f"{prefix}ALIASES": "gpt-4o=a,gpt-*=b",
        "UNDERSTUDY_REHEARSAL__ENABLED": "false",
    }
    settings = load({}, environ, folder).settings
    assert settings.providers["local"].models == ("a", "b")
    assert settings.providers["local"].aliases == {"gpt-4o": "a", "gpt-*": "b"}
    assert settings.rehearsal.enabled is False


def test_a_variable_reaches_a_provider_whose_name_has_a_hyphen(folder):
    write(folder, "[providers.my-local]\nbase_url = 'http://h:1'")
    settings = load({}, {"UNDERSTUDY_PROVIDERS__MY_LOCAL__RETRIES": "0"}, folder).settings
    assert {name: provider.retries for name, provider in settings.providers.items()} == {"my-local": 0}


# -- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "environ", "sentence"),
    [
        ({"port": "x"}, {}, "`--port` on the command line is 'x'; it must be a whole number from 0 to 65535."),
        ({"log_level": "loud"}, {}, "`--log-level` on the command line is 'loud'; it must be one of "),
        ({"data": ""}, {}, "`--data` on the command line is ''; it must be a path."),
        ({}, {"UNDERSTUDY_PORT": "70000"}, "`UNDERSTUDY_PORT` in the environment is '70000'; it must be a whole "),
        ({}, {"UNDERSTUDY_BROKER": "amqp://h"}, "in the environment is 'amqp://h'; it must be 'memory' or a URL like"),
        (
            {"broker": "redis://h"},
            {},
            "`--broker` on the command line requires `database`, which is unset; it must be a ",
        ),
        ({}, {"UNDERSTUDY_LIMITS": "3"}, "`UNDERSTUDY_LIMITS` in the environment is '3'; it must be a table"),
        ({}, {"UNDERSTUDY_LIMITS__RUN_SECONDS": "inf"}, "is 'inf'; it must be a number greater than 0."),
        ({}, {"UNDERSTUDY_REHEARSAL__ENABLED": "maybe"}, "is 'maybe'; it must be true or false."),
        ({}, {"UNDERSTUDY_DATABASE": "x.db"}, "is 'x.db'; it must be a 'postgresql://' URL"),
        ({}, {"OLLAMA_HOST": "host:port"}, "`OLLAMA_HOST` in the environment is 'host:port'; it must be like"),
    ],
)
def test_a_wrong_value_is_refused_by_name_place_and_bound(folder, flags, environ, sentence):
    assert sentence in refused(folder, flags, environ)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("UNDERSTUDY_PROT", "UNDERSTUDY_PORT"),
        ("UNDERSTUDY_port", "UNDERSTUDY_PORT"),
        ("UNDERSTUDY_CONCURRENT_RUNS", "UNDERSTUDY_LIMITS__CONCURRENT_RUNS"),
        ("UNDERSTUDY_PROVIDERS__LOCAL__BASEURL", "UNDERSTUDY_PROVIDERS__LOCAL__BASE_URL"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_one(folder, written, meant):
    sentence = f"`{written}` in the environment is not a setting; did you mean `{meant}`?"
    assert refused(folder, environ={written: "1"}) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = '8642'", "`port` in the file {path} is '8642'; it must be a whole number from 0 to 65535."),
        ("limits = 3", "`limits` in the file {path} is 3; it must be a table of settings."),
        ("[limit]\nx = 1", "`limit` in the file {path} is not a setting; did you mean"),
        ("[limits]\nrun_second = 1", "did you mean `limits.run_seconds`?"),
        ("[limits]\nrun_seconds = nan", "is nan; it must be a number greater than 0."),
        ("quite = 'other'", "`quite` in the file {path} is not a setting; `understudy config` lists all settings."),
        ("port =", "The settings file '{path}' is not valid TOML"),
        ("[providers.Local]\nretries = 1", "`providers.Local` in the file {path}; use lower-case letters"),
        ("[providers.rehearsal]\nretries = 1", "'rehearsal', which is the embedded model"),
        ("[providers.local]", "`providers.local` in the file {path} is empty"),
        ("[providers.local]\nretries = 1", "The provider 'local' in the file {path} requires `base_url` or `api_key`."),
        ("[providers.local]\nkind = 'openi'", "is 'openi'; it must be one of 'anthropic', 'azure', 'openai'."),
        ("[providers.a]\nkind = 'azure'\napi_key = 'k'", "The provider 'a' in the file {path} requires `base_url`."),
        (
            "[web_search]\nprovider = 'searxng'",
            "`web_search.provider` in the file {path} requires `web_search.url`, which is unset.",
        ),
        (
            "[web_search]\nprovider = 'brave'",
            "`web_search.provider` in the file {path} requires `web_search.api_key`, which is unset.",
        ),
        ("[providers.a]\nkind = 'azure'\nbase_url = 'https://h'", "requires `api_version`, or a `base_url` that ends"),
    ],
)
def test_a_wrong_file_is_refused(folder, text, sentence):
    path = write(folder, text)
    assert sentence.format(path=path) in refused(folder)


def test_a_named_file_must_exist(folder):
    assert "does not exist" in refused(folder, {"config": "none.toml"})


def test_a_file_must_be_text(folder):
    (folder / "understudy.toml").write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in refused(folder)


def test_a_fallback_must_be_another_provider(folder):
    write(folder, "[providers.local]\nbase_url = 'http://h'\nfallbacks = ['rehearsl']")
    sentence = refused(folder)
    assert "`providers.local.fallbacks`" in sentence
    assert "'rehearsal' is the nearest" in sentence


def test_an_event_of_a_realtime_session_fits_into_a_body(folder):
    write(folder, "[realtime]\nmessage_bytes = 2097152\n[limits]\nbody_bytes = 1048576")
    sentence = refused(folder)
    assert "`realtime.message_bytes`" in sentence
    assert "`limits.body_bytes`, which is 1048576" in sentence
    write(folder, "[limits]\nbody_bytes = 1048576")
    assert load({}, {}, folder).settings.limits.body_bytes == 1048576


def test_a_fallback_can_be_the_embedded_model_as_long_as_it_is_offered(folder):
    write(folder, "[providers.local]\nbase_url = 'http://h'\nfallbacks = ['rehearsal']")
    assert load({}, {}, folder).settings.providers["local"].fallbacks == ("rehearsal",)
    assert "is ['rehearsal']" in refused(folder, environ={"UNDERSTUDY_REHEARSAL__ENABLED": "false"})


@pytest.mark.parametrize(
    "url", ["h:1/v1", "ftp://h", "http://", "http://h?x=1", "http://h#x", "http://u:p@h", "http://h:x", "http://a b"]
)
def test_a_base_url_must_be_one(folder, url):
    write(folder, f"[providers.local]\nbase_url = '{url}'")
    assert "it must be an http or https URL without a user, a query or a fragment" in refused(folder)


def test_a_base_url_loses_its_trailing_slash(folder):
    write(folder, "[providers.local]\nbase_url = 'http://h/v1/'")
    assert load({}, {}, folder).settings.providers["local"].base_url == "http://h/v1"


# -- keys ------------------------------------------------------------------------------------------------------


def test_a_key_comes_from_the_variable_that_is_named(folder):
    write(folder, "[providers.local]\nbase_url = 'http://h'\napi_key_env = 'LOCAL_KEY'")
    loaded = load({}, {"LOCAL_KEY": KEY}, folder)
    assert loaded.settings.providers["local"].api_key == KEY
    assert sources(loaded)["providers.local.api_key"] == "LOCAL_KEY"


def test_a_named_variable_must_be_set(folder):
    write(folder, "[providers.local]\nbase_url = 'http://h'\napi_key_env = 'LOCAL_KEY'")
    assert "is 'LOCAL_KEY'; it must be the name of an environment variable that is set" in refused(folder)


def test_a_key_has_one_source(folder):
    write(folder, "[providers.local]\nbase_url = 'http://h'\napi_key_env = 'LOCAL_KEY'\napi_key = 'x'")
    assert "it must be unset where `api_key` is set" in refused(folder, environ={"LOCAL_KEY": KEY})


def test_no_error_contains_a_secret(folder):
    secret = "quite-secret-and long enough"
    assert secret not in refused(folder, environ={"OPENAI_API_KEY": secret})
    assert "hunter2" not in refused(folder, environ={"UNDERSTUDY_DATABASE": "mysql://u:hunter2@h/d"})
    assert "short" not in refused(folder, environ={"UNDERSTUDY_API_KEY": "short"})


def test_secrets_are_abbreviated_to_distinct_hints():
    assert mask_setting(("api_key",), KEY) == "sk-…ghij"
    assert mask_setting(("tracing", "headers"), {"x-token": KEY}) == {"x-token": "sk-…ghij"}
    assert mask_setting(("api_key",), "0123456789abcdefghij") == "…ghij"
    assert mask_setting(("api_key",), "short") == "…"
    assert mask_setting(("database",), "postgresql://u:hunter2@h/d") == "postgresql://u:…@h/d"
    assert mask_setting(("api_key",), None) is None


def test_every_secret_is_known_as_one(folder):
    environ = {
        "UNDERSTUDY_API_KEY": "0123456789abcdef",
        "UNDERSTUDY_DATABASE": "postgresql://u:hunter2@h/d",
        "AIML_API_KEY": "plain-hex",
        "UNDERSTUDY_OIDC__CLIENT_SECRET": "of-the-client",
    }
    known = {"0123456789abcdef", "hunter2", "plain-hex", "of-the-client"}
    assert set(list_secrets(load({}, environ, folder).settings)) == known
    assert mask_setting(("oidc", "client_secret"), "of-the-client-of-the-provider") == "…ider"


OIDC = {
    "issuer": "https://login.example.com",
    "client_id": "understudy",
    "public_url": "https://understudy.example.com",
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"client_id": None}, "requires `oidc.client_id`"),
        ({"public_url": None}, "requires `oidc.public_url`"),
        ({"issuer": "http://login.example.com"}, "is 'http://login.example.com'; it must be an 'https://' URL"),
        ({"public_url": "http://understudy.example.com"}, "it must be an 'https://' URL"),
        ({"public_url": "understudy.example.com"}, "it must be an 'https://' URL"),
        ({"client_secret": "secret", "client_secret_file": "file"}, "it must be unset"),
        ({"role_claim": "groups"}, "requires `oidc.roles`"),
    ],
)
def test_settings_of_the_sign_in_belong_together(folder, changes, sentence):
    members = {name: value for name, value in {**OIDC, **changes}.items() if value is not None}
    write(folder, "[oidc]\n" + "\n".join(f"{name} = {value!r}" for name, value in members.items()))
    found = refused(folder)
    assert sentence in found
    assert "secret'" not in found


def test_a_provider_on_this_machine_needs_no_tls(folder):
    local = {**OIDC, "issuer": "http://127.0.0.1:8080/realms/a", "public_url": "http://localhost:8642"}
    write(folder, "[oidc]\n" + "\n".join(f"{name} = {value!r}" for name, value in local.items()))
    assert load({}, {}, folder).settings.oidc.issuer == local["issuer"]


# -- well-known variables --------------------------------------------------------------------------------------


def providers(folder, **environ):
    found = load({}, environ, folder).settings.providers
    return {name: (provider.kind, provider.base_url, provider.api_key) for name, provider in found.items()}


def test_well_known_variables_make_providers(folder):
    found = providers(folder, OPENAI_API_KEY=KEY, AIML_API_KEY="a", ANTHROPIC_API_KEY="b", OLLAMA_HOST="gpu")
    assert found == {
        "openai": ("openai", "https://api.openai.com/v1", KEY),
        "aimlapi": ("openai", "https://api.aimlapi.com/v1", "a"),
        "anthropic": ("anthropic", "https://api.anthropic.com", "b"),
        "ollama": ("openai", "http://gpu:11434/v1", None),
    }


def test_a_local_server_needs_no_key_to_be_the_openai_provider(folder):
    found = providers(folder, OPENAI_BASE_URL="http://127.0.0.1:8000/v1/")
    assert found == {"openai": ("openai", "http://127.0.0.1:8000/v1", None)}
    assert providers(folder, AIML_API_BASE="http://127.0.0.1:8000/v1") == {}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"])
def test_the_variables_of_a_client_of_this_server_make_no_provider(folder, host):
    url = f"http://{host}:8642/v1"
    assert providers(folder, OPENAI_BASE_URL=url) == {}
    assert providers(folder, OPENAI_BASE_URL=url, OPENAI_API_KEY="given-to-clients") == {}
    assert providers(folder, OPENAI_API_KEY="sk-understudy-made-by-this-program") == {}
    assert "openai" in providers(folder, OPENAI_BASE_URL=url, UNDERSTUDY_PORT="8643")


def test_a_server_on_one_network_address_is_not_the_one_on_localhost(folder):
    environ = {"UNDERSTUDY_HOST": "192.0.2.1", "OPENAI_BASE_URL": "http://localhost:8642/v1"}
    assert "openai" in providers(folder, **environ)
    assert "openai" not in providers(folder, **environ | {"OPENAI_BASE_URL": "http://192.0.2.1:8642/v1"})


def test_a_table_without_url_and_key_takes_both_from_the_environment(folder):
    write(folder, "[providers.openai]\naliases = { fast = 'gpt-4o-mini' }")
    loaded = load({}, {"OPENAI_API_KEY": KEY}, folder)
    provider = loaded.settings.providers["openai"]
    assert (provider.api_key, provider.aliases) == (KEY, {"fast": "gpt-4o-mini"})
    assert sources(loaded)["providers.openai.api_key"] == "OPENAI_API_KEY"


@pytest.mark.parametrize("own", ["base_url = 'http://h'", "api_key = 'own'", "kind = 'anthropic'\napi_key = 'own'"])
def test_a_key_of_the_environment_is_never_sent_to_a_url_of_the_file(folder, own):
    write(folder, f"[providers.openai]\n{own}")
    assert load({}, {"OPENAI_API_KEY": KEY}, folder).settings.providers["openai"].api_key != KEY


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080/v1"),
        (":8080", "http://127.0.0.1:8080/v1"),
        ("gpu.lan", "http://gpu.lan:11434/v1"),
        ("http://gpu.lan", "http://gpu.lan:80/v1"),
        ("https://gpu.lan/", "https://gpu.lan:443/v1"),
        ("https://gpu.lan:8443/ollama", "https://gpu.lan:8443/ollama/v1"),
        ("[::1]:11434", "http://[::1]:11434/v1"),
        ("[::]", "http://[::1]:11434/v1"),
    ],
)
def test_ollama_is_found_by_every_form_of_its_variable(folder, host, url):
    assert providers(folder, OLLAMA_HOST=host) == {"ollama": ("openai", url, None)}
