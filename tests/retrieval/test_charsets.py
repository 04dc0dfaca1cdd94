"""The encoding of texts: UTF-8 that is damaged, declarations, marks, and code pages of many languages."""

import pytest

GERMAN = "Die Größe der Bücher kostet 5 € – „Zitat“.\n"
RUSSIAN = "Посетители должны зарегистрироваться и получить временный пропуск.\n"


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.json", "a.md", "a.py", "a.xml", "Makefile"])
@pytest.mark.parametrize(
    "text", [GERMAN * 3, RUSSIAN, "図書館の開館時間は午前九時から。\n", "one é only\n", "שלום עולם\n"]
)
async def test_a_bad_byte_in_utf8_costs_only_itself(read, name, text):
    data = text.encode() + b"bad \xff byte\n"
    assert await read(data, name) == (text + "bad \ufffd byte\n", ("1 byte is not valid UTF-8 and became U+FFFD.",))


@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, "図書館の開館", "emoji 🚀"])
async def test_utf8_that_is_cut_in_a_letter_is_utf8(read, text):
    for lost in range(1, len(text.strip()[-1].encode()) or 1):
        kept = text.strip().encode()[:-lost]
        assert (await read(kept, "a.txt"))[0] == text.strip()[:-1] + "\ufffd"
    cut = (text * 3).encode() + "ß".encode()[:1]
    assert (await read(cut, "a.txt"))[0] == text * 3 + "\ufffd"


async def test_a_page_with_a_bad_byte_is_still_utf8(read):
    text, warnings = await read(f"<p>{GERMAN}</p>".encode() + b"<p>bad \xff</p>", "a.html")
    assert GERMAN.strip() in text
    assert len(warnings) == 1


async def test_replacement_characters_that_a_text_has_itself_are_no_warning(read):
    assert (await read("a \ufffd b\n", "a.txt")) == ("a \ufffd b\n", ())


async def test_bad_bytes_far_behind_a_plain_head_do_not_change_the_encoding(read):
    text = "plain\n" * 400_000 + GERMAN
    assert (await read(text.encode() + b"\xff", "a.txt"))[0] == text + "\ufffd"
    assert (await read(text.replace("€ – ", "").encode("cp1252"), "a.txt"))[0] == text.replace("€ – ", "")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param('<meta charset="windows-1251"><p>{}</p>', "a.html", id="meta"),
        pytest.param("<meta http-equiv=content-type content='text/html; charset=windows-1251'>{}", "a.html", id="http-equiv"),
        pytest.param('<?xml version="1.0" encoding="windows-1251"?><a>{}</a>', "a.xml", id="xml"),
        pytest.param("# -*- coding: cp1251 -*-\n# {}\n", "a.py", id="python"),
        pytest.param('@charset "windows-1251";\n/* {} */', "a.css", id="css"),
    ],
)  # fmt: skip
async def test_a_declared_charset_decides_where_the_bytes_allow_it(read, data, name):
    short = "Їжак №7 «ґ»"
    assert short in (await read(data.format(short).encode("cp1251"), name))[0]
    assert short in (await read(data.format(short).encode(), name))[0]  # the declaration is wrong, and UTF-8 proves it


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("iso-8859-1", "cp1252", "It’s “fine” – café"),
        ("Shift_JIS", "cp932", "①㈱表"),
        ("gb2312", "gb18030", "囍朱镕基"),
        ("ks_c_5601-1987", "cp949", "뷁똠"),
        ("x-mac-cyrillic", "mac_cyrillic", "Привет №1"),
        ("iso-8859-8-i", "iso8859_8", "שלום"),
        ("utf-7", "utf-7", "Größe"),
        ("nonsense", "utf-8", "Größe"),
        ("base64", "utf-8", "Größe"),
        ("utf-16", "cp1252", "Die Größe der Straße"),
    ],
)
async def test_charset_labels_are_interpreted_as_browsers_do(read, charset, encoding, text):
    assert (await read(text.encode(encoding), "a.txt", charset))[0] == text


LANGUAGES = {
    "hebrew": (["cp1255", "iso8859_8"], "הספרייה פתוחה בימים ראשון עד חמישי.", "שלום עולם, מה שלומך?"),
    "turkish": (["cp1254", "iso8859_9", "mac_turkish"], "Şirketimizin yıllık toplantısı İstanbul'da yapılacaktır.", "Bugün hava çok güzel."),
    "greek": (["cp1253", "iso8859_7", "mac_greek"], "Η βιβλιοθήκη είναι ανοιχτή από τις εννέα το πρωί.", "Καλημέρα σας."),
    "russian": (["cp1251", "koi8_r", "mac_cyrillic", "cp866", "iso8859_5"], RUSSIAN, "Привет, мир! Как дела?"),
    "ukrainian": (["cp1251", "koi8_u"], "Бібліотека відчинена з дев'ятої ранку, її їжак.", "Привіт, світе! Це єдиний їжак."),
    "japanese": (["cp932", "euc_jp", "iso2022_jp"], "図書館の開館時間は午前九時から午後八時までです。", "カタカナのテスト"),
    "chinese": (["gb18030"], "访客须在前台出示身份证件并领取临时胸牌。", "你好，世界。"),
    "taiwanese": (["big5"], "訪客須在櫃檯出示身分證件並領取臨時證件。", "你好，世界。"),
    "korean": (["cp949"], "도서관은 오전 아홉 시부터 오후 여덟 시까지 문을 엽니다.", "안녕하세요."),
    "arabic": (["cp1256"], "المكتبة مفتوحة من التاسعة صباحا حتى الثامنة مساء.", "مرحبا بالعالم"),
    "thai": (["cp874"], "ห้องสมุดเปิดตั้งแต่เก้าโมงเช้าถึงสองทุ่ม", "สวัสดีครับ"),
    "german": (["cp1252", "mac_roman"], "Größere Änderungen bedürfen der Zustimmung.", "Die Kündigung muss schriftlich erfolgen."),
    "french": (["cp1252", "mac_roman"], "Les élèves préparent le théâtre de Noël à l'école.", "Montant à régler : 4711"),
    "czech": (["cp1250", "iso8859_2"], "Příliš žluťoučký kůň úpěl ďábelské ódy.", "Dobrý den, děkuji"),
    "polish": (["cp1250", "iso8859_2"], "Biblioteka jest otwarta od dziewiątej rano, proszę wróć.", "Łączna kwota: 4711 złotych"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "long", "short"),
    [pytest.param(name, *texts, id=f"{language} {name}") for language, (names, *texts) in LANGUAGES.items() for name in names],
)  # fmt: skip
async def test_the_code_page_of_short_and_long_texts_is_found(read, encoding, long, short):
    for text in (long, short, f"{long}\n" * 100, f"{long}\n{short}\n", f"id;name\n1;{short}\n2;{long}\n"):
        assert (await read(text.encode(encoding), "a.csv"))[0] == text


@pytest.mark.parametrize(
    "encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be", "utf-32", "utf-8-sig"]
)
@pytest.mark.parametrize(
    "text", [RUSSIAN, "日本語の文章です。\n図書館は 9 時から。\n", "안녕하세요. 도서관은\n", "a;b\r\n1;2\r\n", GERMAN]
)
async def test_unicode_with_and_without_a_mark_is_found(read, encoding, text):
    assert (await read(text.encode(encoding), "a.txt")) == (text.replace("\r\n", "\n"), ())


async def test_stray_nuls_do_not_make_a_text_utf16(read):
    assert (await read(b"one\0two " * 2 + b"three " * 50, "a.txt"))[0] == "onetwo " * 2 + "three " * 50
    assert (await read("café\0 ".encode("cp1252") * 2 + b"three " * 50, "a.txt"))[0] == "café " * 2 + "three " * 50
