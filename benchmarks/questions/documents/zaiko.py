"""倉庫の在庫を数え、足りない品を発注する。"""

from dataclasses import dataclass

安全在庫の日数 = 10
最小発注数 = 24


@dataclass
class Shouhin:
    """一つの商品。daily_sales は直近三十日の平均販売数。"""

    code: str
    stock: int
    daily_sales: float
    lead_days: int


def hacchuuten(shouhin: Shouhin) -> int:
    """発注点:納期の間に売れる数と、安全在庫の合計。"""
    return round(shouhin.daily_sales * (shouhin.lead_days + 安全在庫の日数))


def hacchuu_suu(shouhin: Shouhin) -> int:
    """発注する数。箱単位に切り上げ、二十四個より少なくは注文しない。"""
    if shouhin.stock > hacchuuten(shouhin):
        return 0
    fusoku = hacchuuten(shouhin) * 2 - shouhin.stock
    return max(最小発注数, -(-fusoku // 12) * 12)


def tanaoroshi_sa(choubo: int, jissuu: int) -> float:
    """棚卸しの差異率。帳簿がゼロのときは実数がそのまま差になる。"""
    return float(jissuu) if choubo == 0 else (jissuu - choubo) / choubo


def kigen_kire(nokori_nissuu: int) -> str:
    """賞味期限の残りで色分けする:三日以内は赤、十日以内は黄、それ以外は緑。"""
    if nokori_nissuu <= 3:
        return "赤"
    return "黄" if nokori_nissuu <= 10 else "緑"
