"""Words as they are compared: stems, words that carry no meaning, and a few everyday synonyms. English only."""

import re
from functools import lru_cache


def listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = listed(
    """a about above after again all also am an and any are as at be because been before being below between both but
    by can could did do does doing done down each few for from further had has have having he hello hence her here
    hers hey hi him his how i i'd i'll i'm i've if in into is it it's its itself just kindly let let's like may me
    might mine more most much must my myself need no nor not now of off ok okay on once one only or other our ours out
    over own per please same shall she should so some such than thank thanks that that's the their them then there
    these they thing things this those through to too under until up us very want was we well were what what's when
    where where's which while who who's whom whose why will with would yes yet you your yours tell give show know
    right use using used today tomorrow yesterday tonight morning evening soon maybe really actually"""
)

# Verbs that open a request ("Book a table"), so that their capital is no sign of a name.
VERBS = listed(
    """add analyse analyze answer apply ask assign book build buy call cancel change check close compare compose
    compute calculate convert correct count create debug define delete describe design draft draw echo edit email
    estimate evaluate execute explain extract fetch fill find finish fix generate get go greet guess help identify
    imagine import insert invite list listen load look mail make mark measure move name open order outline pay place
    plan play plot post predict prepare print propose provide put rate read recommend record register remember remind
    remove rename repeat replace reply report request reserve respond return reverse rewrite run save say schedule
    search see select sell send set solve sort speak spell start stop store submit suggest sum summarise summarize
    talk test think track translate try turn update upload verify visualise visualize wait watch write"""
)

# Name parts that say little about what a function is for.
GENERIC_WORDS = listed(
    """get set fetch find list create make do run call current info information data new add update delete remove
    send search look lookup query execute perform tool function api by for a the of to from in and"""
)

_CONCEPTS = {
    "weather": "forecast temperature climate hot cold warm rain rainy sunny snow degrees humidity wind windy umbrella",
    "price": "cost worth quote pricey expensive cheap fee",
    "calculate": "compute math mathematics arithmetic sum multiply divide subtract equation solve evaluate",
    "email": "mail inbox e-mail",
    "book": "reserve reservation booking",
    "calendar": "schedule appointment meeting event agenda",
    "stock": "share ticker shares",
    "translate": "translation",
    "time": "clock timezone hour",
    "news": "headline headlines article",
    "order": "purchase buy",
    "search": "find lookup seek retrieve",
    "file": "document docs",
    "image": "picture photo draw",
    "chart": "plot graph visualise visualize",
    "route": "directions navigate distance",
    "remind": "reminder alarm",
    "exchange": "convert conversion currency",
}

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W_a-zA-Z]+")
_TO_AT = re.compile(r"(?:ations?|ators?|ates?|ated|ating)$")


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    word = word.lower().replace("\u2019", "'").removesuffix("'s")
    if len(word) <= 3:
        return word
    if len(word) > 6 and _TO_AT.search(word):
        return _TO_AT.sub("at", word)
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word.removesuffix("e")


CONCEPT = {stem(word): stem(concept) for concept, listed in _CONCEPTS.items() for word in (concept, *listed.split())}


def words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def stems(text: str) -> set[str]:
    """The stems of the words of `text` that mean something."""
    return {stem(word) for word in words(text) if word not in STOP_WORDS}


def name_parts(name: str) -> list[str]:
    """`getCurrent_weather` as get, current, weather."""
    return [part.lower() for part in _NAME_PART.findall(name)]
