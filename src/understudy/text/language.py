"""The language of a text, by its script and its function words. Knows no stemmer and no model."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Final

_SAMPLE_CHARACTERS: Final = 20_000
_LETTERS = re.compile(r"[^\W\d_]+")
_SCRIPTS: Final = (
    ("japanese", re.compile("[\u3040-\u30ff]")),
    ("chinese", re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")),
    ("korean", re.compile("[\u1100-\u11ff\uac00-\ud7a3]")),
    ("russian", re.compile("[\u0400-\u04ff]")),
    ("arabic", re.compile("[\u0600-\u06ff]")),
    ("greek", re.compile("[\u0370-\u03ff]")),
    ("hebrew", re.compile("[\u0590-\u05ff]")),
    ("hindi", re.compile("[\u0900-\u097f]")),
    ("tamil", re.compile("[\u0b80-\u0bff]")),
    ("thai", re.compile("[\u0e00-\u0e7f]")),
    ("armenian", re.compile("[\u0530-\u058f]")),
)
_KANA_SHARE: Final = 0.1
"""Japanese texts have kana between their ideographs, Chinese ones at most in a name."""

_VARIANTS: Final = {
    "russian": (("ukrainian", "іїєґ"), ("serbian", "ђјљњћџ")),
    "arabic": (("urdu", "ٹڈڑے"), ("persian", "پچژگ")),
}
"""Languages of the same script, with letters that only they have."""

_VARIANT_SHARE: Final = 0.01
_FUNCTION_WORDS: Final = {
    "english": "the of and to in is that for it was on are with as be by this from at have or not which but",
    "german": "der die das und ist nicht von zu mit den dem ein eine auf für im sich auch als wird werden sind bei",
    "french": "le la les des et est une dans que pour qui sur pas par au avec plus du ce sont aux être cette ou",
    "spanish": "el la los las de y en que es por un una con para del se su al como no lo más está pero sus",
    "italian": "il la di che è per un una con del della non sono si dei gli nel alla più come anche le da questo",
    "portuguese": "o os as da do que não uma em para com por no na dos das mais são ao se é foi como seu pela",
    "dutch": "de het een van en is dat op te zijn voor met niet aan er ook als bij naar door worden wordt deze",
    "swedish": "och att det är som en på för med av den till inte har ett de om från kan vid eller ska var",
    "danish": "og at det er som en på for med af den til ikke har et de om fra kan ved eller skal blev efter",
    "norwegian": "og at det er som en på for med av den til ikke har et de om fra kan ved eller skal ble etter",
    "finnish": "ja on ei että se oli ovat hän tämä mutta myös kun niin joka sen ole tai olla mukaan jos kuin",
    "hungarian": "a az és hogy nem egy is meg ez van volt csak de ha már vagy mint azt ezt kell által",
    "romanian": "și în de la cu este pe nu care din să pentru un o mai sunt ca prin sau fi al ale după",
    "turkish": "ve bir bu için ile da de olarak çok daha olan gibi kadar sonra en ya ne her değil veya ise",
    "catalan": "el la els les de i en que és per un una amb del dels no al com més són ha aquest aquesta seva",
    "polish": "i w nie na się że z do jest to o jak po ale od przez dla za są tym który być oraz lub",
    "czech": "a v se na je že s z do o ve to jako za pro které který by byl od podle ale nebo jsou není",
    "indonesian": "yang dan di dari untuk dengan ini itu pada adalah tidak dalam akan juga atau oleh ke sebagai",
    "estonian": "ja on ei et see oli ka kui mis ning oma või aga selle kes üks nii siis mille pole",
    "lithuanian": "ir yra kad tai su iš į buvo ar kaip bet apie jau taip dėl nuo po per už pagal",
}


def _function_word_weights() -> dict[str, list[tuple[str, float]]]:
    spread = Counter(word for words in _FUNCTION_WORDS.values() for word in words.split())
    weights: dict[str, list[tuple[str, float]]] = {}
    for language, words in _FUNCTION_WORDS.items():
        for word in words.split():
            weights.setdefault(word, []).append((language, 1.0 / spread[word]))
    return weights


_WEIGHTS: Final = _function_word_weights()
_QUESTION_WORDS: Final = {
    "english": "what who whom whose when where why how does do did can could should must there many much has been will",
    "german": "was wer wem wen wann wo warum wie welche welcher welches viele kann muss darf gibt man wurde hat",
    "french": "quel quelle quels quelles qui quand où pourquoi comment combien peut doit il elle on a été",
    "spanish": "qué quién quiénes cuándo dónde cómo cuál cuáles cuánto cuántos cuántas puede debe hay fue ha",
    "italian": "cosa chi quando dove perché come quale quali quanto quanti può deve ha è",
    "portuguese": "quem quando onde como qual quais quanto quantos pode deve há é",
    "dutch": "wat wie wanneer waar waarom hoe welke welk hoeveel kan moet mag heeft",
    "polish": "co kto kiedy gdzie dlaczego ile jaki jaka jakie który która może musi czy",
}
_MIN_QUERY_WEIGHT: Final = 3
_SAME_SCRIPT: Final = frozenset({"chinese", "japanese"})
"""A short text of ideographs alone may be either."""


def _weigh_query_words() -> dict[str, dict[str, int]]:
    """By word and language: 1 for a function word, 2 for a question word."""
    weights: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for weight, lists in ((1, _FUNCTION_WORDS), (2, _QUESTION_WORDS)):
        for language, words in lists.items():
            for word in words.split():
                weights[word][language] = weight
    return dict(weights)


_QUERY_WEIGHTS: Final = _weigh_query_words()


def detect_language(text: str) -> str:
    """The English name of the language in lower case; empty if the text is too short, or is in no language.

    Reads the first 20,000 characters. Of languages in Latin letters it knows 20.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    script = "" if sample.isascii() else _detect_script(sample)
    return script or _detect_latin_language(sample.lower())


def is_other_language(query: str, languages: Collection[str]) -> bool:
    """Whether a short text is certainly in a language outside these; False without any.

    Its script or several of its function words must show it, and none of its words may be one of theirs. Names such as
    `de la Cruz` have two, so a question word or three are needed.
    """
    known = {language for language in languages if language}
    if not known or not query:
        return False
    script = _detect_script(query)
    if script:
        same = _SAME_SCRIPT if script in _SAME_SCRIPT else {script}
        return known.isdisjoint(same)
    counts: Counter[str] = Counter()
    for word in set(_LETTERS.findall(query.lower())):
        for language, weight in _QUERY_WEIGHTS.get(word, {}).items():
            counts[language] += weight
    return max(counts.values(), default=0) >= _MIN_QUERY_WEIGHT and not any(counts[language] for language in known)


def _detect_script(text: str) -> str:
    """The language of the script of most letters; empty for Latin letters."""
    counts = {language: len(pattern.findall(text)) for language, pattern in _SCRIPTS}
    kana, ideographs = counts.pop("japanese"), counts.pop("chinese")
    counts["japanese" if kana > _KANA_SHARE * ideographs else "chinese"] = kana + ideographs
    language = max(counts, key=lambda one: counts[one])
    others = sum(map(len, _LETTERS.findall(text))) - sum(counts.values())
    # An ideograph has the meaning of a word of some letters.
    factor = 3 if language in {"japanese", "chinese", "korean"} else 1
    if counts[language] * factor <= others:
        return ""
    for variant, letters in _VARIANTS.get(language, ()):
        if sum(map(text.count, letters)) > _VARIANT_SHARE * counts[language]:
            return variant
    return language


def _detect_latin_language(text: str) -> str:
    scores: defaultdict[str, float] = defaultdict(float)
    for word, count in Counter(_LETTERS.findall(text)).items():
        for language, weight in _WEIGHTS.get(word, ()):
            scores[language] += weight * count
    if not scores:
        return ""
    return max(scores, key=lambda one: (scores[one], one == "english"))
